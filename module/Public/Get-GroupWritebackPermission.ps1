function Get-GroupWritebackPermission {
    <#
    .SYNOPSIS
        Shows which rights are needed in Active Directory or Graph, and are there.
    .DESCRIPTION
        Returns one object for each entry of the container's access control list
        that writing groups needs, with its state: Present, Missing, or Covered
        (other entries give the same); and Surplus for entries that give the account
        more than it needs. Each is shown in words and as SDDL. Nothing is changed.

        With -Graph it returns the permissions for Microsoft Graph that everything
        that is switched on needs, each with its reason, and with -AsScript a script
        that gives them to an application or a managed identity. No connection is
        needed; with one to the tenant, the state of each is known.
    .PARAMETER Account
        The account: a name, DOMAIN\name, name@domain, SID or DN. The default is
        the account of the connection.
    .PARAMETER TargetContainer
        The distinguished name of the container. The default is the one that is
        set, and former ones that still exist.
    .PARAMETER IncludeRestore
        Also show the right to restore deleted objects, at the head of the
        domain.
    .PARAMETER Graph
        Show the permissions for Microsoft Graph.
    .PARAMETER AsScript
        Return a script that grants them.
    .PARAMETER ScriptType
        What the script is for: GraphSdk (default), PowerShell with the Graph
        SDK's module for applications; or AzureCli, bash with az.
    .PARAMETER ClientId
        The client id of the application, or of the managed identity, that the
        script is for. The default is the connected application.
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
    .EXAMPLE
        Get-GroupWritebackPermission -Graph -AsScript `
            -ClientId 11111111-2222-3333-4444-555555555555 > grant.ps1

        Writes a script for an administrator who may consent to permissions.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Permission; with -Graph GroupWriteback.GraphPermission, or
        with -AsScript System.String.
    .LINK
        Grant-GroupWritebackPermission
    .LINK
        Test-GroupWriteback
    #>
    [CmdletBinding(DefaultParameterSetName = 'Directory')]
    [OutputType('GroupWriteback.Permission', ParameterSetName = 'Directory')]
    [OutputType('GroupWriteback.GraphPermission', ParameterSetName = 'Graph')]
    [OutputType([string], ParameterSetName = 'Script')]
    param(
        [Parameter(ParameterSetName = 'Directory', Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Account,

        [Parameter(ParameterSetName = 'Directory', Position = 1)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [Parameter(ParameterSetName = 'Directory')]
        [switch] $IncludeRestore,

        [Parameter(Mandatory, ParameterSetName = 'Graph')]
        [Parameter(Mandatory, ParameterSetName = 'Script')]
        [switch] $Graph,

        [Parameter(Mandatory, ParameterSetName = 'Script')]
        [switch] $AsScript,

        [Parameter(ParameterSetName = 'Script')]
        [ValidateSet('GraphSdk', 'AzureCli')]
        [string] $ScriptType = 'GraphSdk',

        [Parameter(ParameterSetName = 'Script')]
        [ArgumentCompleter([NothingCompleter])]
        [guid] $ClientId,

        [Parameter(ParameterSetName = 'Directory')]
        [ArgumentCompleter([NothingCompleter])]
        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $Credential,

        [Parameter(ParameterSetName = 'Directory')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Server,

        [Parameter(ParameterSetName = 'Directory')]
        [ValidateSet('Basic', 'Negotiate')]
        [string] $AuthType,

        [Parameter(ParameterSetName = 'Directory')]
        [switch] $UseStartTls,

        [Parameter(ParameterSetName = 'Directory')]
        [string] $DirectoryCAFile
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    if ($Graph) {
        $fields = @{}
        if ($AsScript) { $fields['script'] = $ScriptType }
        if ($PSBoundParameters.ContainsKey('ClientId')) { $fields['clientId'] = $ClientId.ToString() }
        $answer = Invoke-Engine -Cmdlet $PSCmdlet -Method 'permission.graph' -Parameter $fields
        if ($AsScript) { return (@($answer.script) -join [System.Environment]::NewLine) }
        return ConvertTo-GraphPermission -Answer $answer
    }
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
