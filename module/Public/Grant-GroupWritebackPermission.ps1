function Grant-GroupWritebackPermission {
    <#
    .SYNOPSIS
        Gives an account the rights in Active Directory that writing groups needs.
    .DESCRIPTION
        Adds to the access control list of the container exactly the entries that
        the attributes in use need: create and delete groups; on the groups below
        read, delete, and write of each attribute that is written. Nothing is given
        on other attributes, on permissions, or outside of the container. Entries
        that are there already are not added once more, and those of others stay as
        they are.

        Works over LDAP from any computer. It needs an account that may change the
        permissions of the container: give it with -Credential, for the service
        account has no such right. Containers that the domain depends on are
        refused.

        With -WhatIf the entries come out as objects and nothing is changed. In a
        script without a user add -Confirm:$false.
    .PARAMETER Account
        The account that writes groups, also a group managed service account: a
        name, DOMAIN\name, name@domain, SID or DN. The default is the account of
        the connection.
    .PARAMETER TargetContainer
        The distinguished name of the container. The default is the one that is
        set, and former ones that still exist.
    .PARAMETER UsePropertySet
        Give the property set in place of each attribute that is in one. That
        takes fewer entries, and gives more: the attributes that come along are
        in the property Along.
    .PARAMETER Compatible
        Give the one entry that Set-ADSyncUnifiedGroupWritebackPermissions of
        Entra Connect gives (GRGWCCDCSDDT;;group). It allows more than is
        needed, also on the container itself.
    .PARAMETER IncludeRestore
        Also give the right to restore deleted objects (Reanimate Tombstones at
        the head of the domain). Microsoft calls it a risk: whoever has it can
        restore every deleted account and group of the domain. It is not needed
        by Restore-GroupWritebackGroup with -Credential. With it, and with sight
        of deleted objects, a sync brings the former object of a group back,
        with its SID, before it makes a new one.
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
        $admin = Get-Credential CONTOSO\Administrator
        Grant-GroupWritebackPermission CONTOSO\svc-gwb `
            'OU=Groups,DC=contoso,DC=com' -Credential $admin -WhatIf

        Shows which entries would be added, each in words and as SDDL.
    .EXAMPLE
        Grant-GroupWritebackPermission svc-gwb$ `
            -TargetContainer 'OU=Groups,DC=contoso,DC=com' `
            -Server dc1.contoso.com -Credential CONTOSO\Administrator

        Asks for the password, and gives the rights to a group managed service
        account. No connection is needed.
    .EXAMPLE
        Test-GroupWriteback | Grant-GroupWritebackPermission -WhatIf

        What the account of the connection lacks.
    .INPUTS
        GroupWriteback.Check, GroupWriteback.Permission
    .OUTPUTS
        None. With -WhatIf or -PassThru GroupWriteback.Permission.
    .LINK
        Revoke-GroupWritebackPermission
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

        [switch] $UsePropertySet,

        [switch] $Compatible,

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
            Method   = 'permission.grant'
            State    = 'Added'
            Verb     = 'Give {0} what writing groups in {1} needs: add {2}'
            Caption  = 'Grant rights'
            PassThru = $PassThru
        }
        Edit-Permission @change
    }
}
