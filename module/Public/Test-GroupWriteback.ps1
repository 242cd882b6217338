function Test-GroupWriteback {
    <#
    .SYNOPSIS
        Checks each prerequisite of group writeback.
    .DESCRIPTION
        Returns one row for each prerequisite: the state, the sign-in to the tenant
        and the token's permissions, the connection to Active Directory, the
        container, the rights on it and on a written group, groups of other tools,
        who else can create or change groups there, unneeded rights of the account
        and permissions of the application, access to deleted objects, the schema
        and Exchange. It changes nothing. A check that needs a missing connection is
        Skipped.
    .PARAMETER TargetContainer
        The distinguished name of the container to check. The default is the
        configured one.
    .PARAMETER Quiet
        Return only True, or False if a check failed or could not be made, for
        example without a connection.
    .EXAMPLE
        Test-GroupWriteback 'OU=Groups,DC=contoso,DC=com'

        Checks everything before group writeback is enabled there.
    .EXAMPLE
        Test-GroupWriteback | Where-Object Result -eq Failed | Format-List

        Shows what is missing and what to do about it.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Check, or with -Quiet System.Boolean
    .LINK
        Connect-GroupWriteback
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Check')]
    [OutputType([bool])]
    param(
        [Parameter(Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [switch] $Quiet
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $fields = @{}
    if ($TargetContainer) { $fields['targetContainer'] = $TargetContainer }
    $answer = Invoke-Engine -Cmdlet $PSCmdlet -Method 'writeback.test' -Parameter $fields -Activity 'Testing'
    $checks = @(foreach ($check in $answer.checks) { ConvertTo-Check $check })
    if ($Quiet) {
        # a check that was skipped because of an error proves nothing
        $doubts = $checks | Where-Object -FilterScript {
            $_.Result -eq 'Failed' -or
            ($_.Result -eq 'Skipped' -and ($_.ErrorId -or $_.Name -in 'GraphSignIn', 'DirectoryBind'))
        }
        return @($doubts).Count -eq 0
    }
    $checks
}
