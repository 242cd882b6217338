function Disconnect-GroupWriteback {
    <#
    .SYNOPSIS
        Closes the connections, forgets the credentials and ends the engine.
    .DESCRIPTION
        Closes the connections to the tenant and to the directory and ends the
        engine process of this PowerShell session. Settings and state stay; the next
        command starts the engine again, with the folder of the state that was
        chosen by -StatePath in this session. Removing the module or closing
        PowerShell does the same.
    .EXAMPLE
        Disconnect-GroupWriteback

        Ends what Connect-GroupWriteback began.
    .INPUTS
        None
    .OUTPUTS
        None
    .LINK
        Connect-GroupWriteback
    #>
    [CmdletBinding()]
    [OutputType([void])]
    param()

    Import-CallerPreference -Cmdlet $PSCmdlet
    Close-Engine
    if ($script:StatePath) {
        $text = "The next command opens the same state: '$script:StatePath'."
        Write-Verbose -Message (ConvertTo-PlainText -Text $text)
    }
}
