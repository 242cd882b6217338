function Revoke-GroupWritebackPermission {
    <#
    .SYNOPSIS
        Takes from an account the rights that Grant-GroupWritebackPermission gives.
    .DESCRIPTION
        Removes from the access control list of the container exactly the entries
        that Grant-GroupWritebackPermission would add, in any of its forms. All
        others stay as they are, also those of the same account.

        It needs an account that may change the permissions of the container: give
        it with -Credential.

        With -WhatIf the entries come out as objects and nothing is changed. In a
        script without a user add -Confirm:$false.
    .PARAMETER Account
        The account: a name, DOMAIN\name, name@domain, SID or DN. The default is
        the account of the connection.
    .PARAMETER TargetContainer
        The distinguished name of the container. The default is the one that is
        set, and former ones that still exist.
    .PARAMETER IncludeRestore
        Also take away the right to restore deleted objects, at the head of the
        domain.
    .PARAMETER Force
        Change an access control list that is not in the canonical order.
    .PARAMETER PassThru
        Return the entries.
    .PARAMETER Credential
        An account that may change the permissions, for this command alone.
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
        Revoke-GroupWritebackPermission CONTOSO\svc-old `
            'OU=Groups,DC=contoso,DC=com' -Credential CONTOSO\Administrator

        Takes the rights from an account that is no longer used.
    .INPUTS
        GroupWriteback.Permission
    .OUTPUTS
        None. With -WhatIf or -PassThru GroupWriteback.Permission.
    .LINK
        Grant-GroupWritebackPermission
    .LINK
        Get-GroupWritebackPermission
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
    [OutputType('GroupWriteback.Permission')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)]
        [AllowNull()]
        [AllowEmptyString()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Account,

        [Parameter(Position = 1, ValueFromPipelineByPropertyName)]
        [AllowNull()]
        [AllowEmptyString()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [switch] $IncludeRestore,

        [switch] $Force,

        [switch] $PassThru,

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

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $done = @{}
    }
    process {
        $named = @{ Account = $Account; Container = $TargetContainer; Done = $done }
        if (-not (Test-PermissionTurn -Cmdlet $PSCmdlet @named)) { return }
        $change = @{
            Cmdlet   = $PSCmdlet
            Bound    = $PSBoundParameters
            Method   = 'permission.revoke'
            State    = 'Removed'
            Verb     = 'Take from {0} what writing groups in {1} needs: remove {2}'
            Caption  = 'Revoke rights'
            PassThru = $PassThru
        }
        Edit-Permission @change
    }
}
