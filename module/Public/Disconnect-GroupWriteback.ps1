function Disconnect-GroupWriteback {
    <#
    .SYNOPSIS
        Closes the connections, forgets the credentials and ends the engine.
    .DESCRIPTION
        Closes the connections to the tenant and to Active Directory and ends the
        engine process of this PowerShell session. Settings and state are kept. The
        next command starts the engine again, with the state folder that this
        session last specified with -StatePath. Removing the module or closing
        PowerShell has the same effect.
    .EXAMPLE
        Disconnect-GroupWriteback

        Closes the connections that Connect-GroupWriteback opened.
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
