function Get-GroupWritebackPermission {
    <#
    .SYNOPSIS
        Shows which rights an account needs in Active Directory, and which it has.
    .DESCRIPTION
        Returns one object for each entry of the container's access control list
        that writing groups needs, with its state: Present, Missing, or Covered
        (other entries give the same); and Surplus for entries that give the account
        more than it needs. Each is shown in words and as SDDL. Nothing is changed.
    .PARAMETER Account
        The account: a name, DOMAIN\name, name@domain, SID or DN. The default is
        the account of the connection.
    .PARAMETER TargetContainer
        The distinguished name of the container. The default is the one that is
        set, and former ones that still exist.
    .PARAMETER Credential
        An account that may read the permissions, for this command alone.
        Without it, the account of the connection is used.
    .PARAMETER Server
        The domain controller or domain for this command alone. The default is
        that of the connection. Without -Credential, on Windows, the current
        account is used.
    .PARAMETER AuthType
        How -Credential signs in: Basic (default) binds with name and password
        over TLS; Negotiate uses Kerberos.
    .PARAMETER UseStartTls
        With -Server: use StartTLS on port 389 in place of LDAPS on port 636.
    .PARAMETER DirectoryCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for the domain controller in place of the system's.
    .EXAMPLE
        Get-GroupWritebackPermission CONTOSO\svc-gwb |
            Where-Object State -ne Present

        What the account lacks, and what it has beyond its needs.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Permission
    .LINK
        Grant-GroupWritebackPermission
    .LINK
        Test-GroupWriteback
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Permission')]
    param(
        [Parameter(Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Account,

        [Parameter(Position = 1)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [ArgumentCompleter([NothingCompleter])]
        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $Credential,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Server,

        [ValidateSet('Basic', 'Negotiate')]
        [string] $AuthType,

        [switch] $UseStartTls,

        [string] $DirectoryCAFile
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    try { $fields = ConvertTo-PermissionField -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    catch { Exit-Command -Cmdlet $PSCmdlet -Problem $_ }
    $call = @{
        Cmdlet    = $PSCmdlet
        Method    = 'permission.get'
        Parameter = $fields
        Activity  = 'Reading permissions'
    }
    $answer = Invoke-Engine @call
    Write-PermissionWarning -Answer $answer
    ConvertTo-Permission -Answer $answer
}
