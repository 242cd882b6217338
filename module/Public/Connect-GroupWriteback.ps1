function Connect-GroupWriteback {
    <#
    .SYNOPSIS
        Signs in to the Entra tenant, to the Active Directory domain, or to both.
    .DESCRIPTION
        Signs in and keeps the connections for the following commands of this
        PowerShell session. Whatever is not given stays connected as it was; when
        one of the two cannot be reached, nothing is changed.

        The tenant is read as an application with the Microsoft Graph permissions
        GroupMember.Read.All and User.Read.All. In the directory the account needs
        the right to create and delete groups in the target container, and to change
        them. Test-GroupWriteback says what is missing.

        Connections to the directory are always encrypted (LDAPS, or StartTLS with
        -UseStartTls), and the certificate of the domain controller is always
        verified.

        Passwords, secrets and tokens are kept in memory only.
    .PARAMETER TenantId
        The tenant: its id, or a verified domain name of it.
    .PARAMETER ClientId
        The id of the application (client) to sign in as. With -Identity: of a
        user-assigned managed identity.
    .PARAMETER ClientSecretCredential
        The application and its secret: the user name is the client id, the
        password is the client secret.
    .PARAMETER CertificatePath
        A file with the certificate of the application and its private key: PFX
        (PKCS #12) or PEM.
    .PARAMETER CertificatePassword
        The password of the file given with -CertificatePath.
    .PARAMETER CertificateThumbprint
        The thumbprint of a certificate of the application in
        Cert:\CurrentUser\My or Cert:\LocalMachine\My. Its private key signs and
        is never read; it may be one that cannot be exported.
    .PARAMETER Certificate
        The certificate of the application with its private key, as an object.
    .PARAMETER Identity
        Sign in with the managed identity of this machine, or of the Automation
        account that runs the runbook.
    .PARAMETER WorkloadIdentity
        Sign in with a workload identity (a federated token in a file).
    .PARAMETER FederatedTokenFile
        The file of the federated token. The default is the one that
        AZURE_FEDERATED_TOKEN_FILE names.
    .PARAMETER AccessToken
        An access token for Microsoft Graph. When it expires during a sync, the
        sync ends as Partial, and the next one goes on.
    .PARAMETER AccessTokenProvider
        A script block that returns an access token for Microsoft Graph: as
        SecureString, as text, or as what Get-AzAccessToken returns. It is
        called now, and whenever a fresh token is needed, with the tenant and
        the resource as arguments.
    .PARAMETER Environment
        The cloud: Global (default), USGov, USGovDoD or China.
    .PARAMETER Authority
        The https address of the sign-in service, in place of that of the cloud.
    .PARAMETER GraphEndpoint
        The https address of Microsoft Graph, in place of that of the cloud.
    .PARAMETER TenantCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for -Authority and -GraphEndpoint in place of the system's.
    .PARAMETER Server
        The domain controller (host name, optionally with a port), or the DNS
        name of the domain.
    .PARAMETER Credential
        The account for the directory: user@domain, DOMAIN\user or a
        distinguished name. Without it, on Windows, the current account is used.
    .PARAMETER AuthType
        How -Credential signs in: Basic (default) binds with name and password
        over TLS; Negotiate uses Kerberos.
    .PARAMETER KeytabPath
        A Kerberos keytab file, in place of -Credential.
    .PARAMETER KerberosPrincipal
        The account in the file given with -KeytabPath, for example
        svc-gwb@CONTOSO.COM.
    .PARAMETER KerberosRealm
        The Kerberos realm, where the name of the account does not tell it.
    .PARAMETER KerberosConfigPath
        A krb5.conf file in place of the system's.
    .PARAMETER UseStartTls
        Use StartTLS on port 389 in place of LDAPS on port 636.
    .PARAMETER DirectoryCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for the domain controller in place of the system's.
    .PARAMETER StatePath
        The folder of the state, on a local drive. The default is
        %ProgramData%\GroupWriteback, on Linux /var/lib/groupwriteback for root.
        Another folder than the one in use starts a new session.
    .PARAMETER ServiceAccount
        On Windows: an account, for example DOMAIN\svc-gwb$, that gets access to
        the folder of the state when it is created; the one that later runs the
        scheduled sync.
    .EXAMPLE
        $app = Get-Credential -Message 'The client id and the client secret'
        $account = Get-Credential CONTOSO\svc-gwb
        Connect-GroupWriteback -TenantId contoso.com `
            -ClientSecretCredential $app -Server dc1.contoso.com `
            -Credential $account

        Asks for the client id and secret of the application and for the password of
        the account, and connects both.
    .EXAMPLE
        Connect-GroupWriteback -TenantId contoso.com -Server contoso.com `
            -ClientId 11111111-2222-3333-4444-555555555555 `
            -CertificateThumbprint 0123456789ABCDEF0123456789ABCDEF01234567

        Signs in to the tenant with a certificate of the Windows certificate store,
        and to the domain as the current account.
    .EXAMPLE
        Connect-GroupWriteback -Identity -TenantId contoso.com `
            -Server contoso.com

        In a runbook on a hybrid worker: the tenant by managed identity, the domain
        as the account of the worker.
    .EXAMPLE
        $provider = { Get-AzAccessToken -ResourceTypeName MSGraph }
        Connect-GroupWriteback -TenantId contoso.com -Server dc1.contoso.com `
            -AccessTokenProvider $provider

        Takes access tokens from the Az.Accounts module, also while a long sync
        runs.
    .EXAMPLE
        Connect-GroupWriteback -Server dc1.contoso.com `
            -Credential CONTOSO\svc-gwb

        Connects the directory alone. That is enough for Disable-GroupWriteback.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Connection
    .LINK
        about_GroupWriteback
    .LINK
        Test-GroupWriteback
    #>
    [CmdletBinding(DefaultParameterSetName = 'Directory', PositionalBinding = $false)]
    [OutputType('GroupWriteback.Connection')]
    param(
        [Parameter(Mandatory, ParameterSetName = 'ClientSecret')]
        [Parameter(Mandatory, ParameterSetName = 'CertificatePath')]
        [Parameter(Mandatory, ParameterSetName = 'CertificateThumbprint')]
        [Parameter(Mandatory, ParameterSetName = 'Certificate')]
        [Parameter(Mandatory, ParameterSetName = 'WorkloadIdentity')]
        [Parameter(ParameterSetName = 'Identity')]
        [Parameter(ParameterSetName = 'AccessToken')]
        [Parameter(ParameterSetName = 'AccessTokenProvider')]
        [Parameter(ParameterSetName = 'Directory')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $TenantId,

        [Parameter(Mandatory, ParameterSetName = 'CertificatePath')]
        [Parameter(Mandatory, ParameterSetName = 'CertificateThumbprint')]
        [Parameter(Mandatory, ParameterSetName = 'Certificate')]
        [Parameter(ParameterSetName = 'WorkloadIdentity')]
        [Parameter(ParameterSetName = 'Identity')]
        [Parameter(ParameterSetName = 'Directory')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $ClientId,

        [Parameter(Mandatory, ParameterSetName = 'ClientSecret')]
        [ArgumentCompleter([NothingCompleter])]
        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $ClientSecretCredential,

        [Parameter(Mandatory, ParameterSetName = 'CertificatePath')]
        [ValidateNotNullOrEmpty()]
        [string] $CertificatePath,

        [Parameter(ParameterSetName = 'CertificatePath')]
        [ArgumentCompleter([NothingCompleter])]
        [securestring] $CertificatePassword,

        [Parameter(Mandatory, ParameterSetName = 'CertificateThumbprint')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $CertificateThumbprint,

        [Parameter(Mandatory, ParameterSetName = 'Certificate')]
        [ArgumentCompleter([NothingCompleter])]
        [System.Security.Cryptography.X509Certificates.X509Certificate2] $Certificate,

        [Parameter(Mandatory, ParameterSetName = 'Identity')]
        [switch] $Identity,

        [Parameter(Mandatory, ParameterSetName = 'WorkloadIdentity')]
        [switch] $WorkloadIdentity,

        [Parameter(ParameterSetName = 'WorkloadIdentity')]
        [string] $FederatedTokenFile,

        [Parameter(Mandatory, ParameterSetName = 'AccessToken')]
        [ArgumentCompleter([NothingCompleter])]
        [securestring] $AccessToken,

        [Parameter(Mandatory, ParameterSetName = 'AccessTokenProvider')]
        [ArgumentCompleter([NothingCompleter])]
        [scriptblock] $AccessTokenProvider,

        [ValidateSet('Global', 'USGov', 'USGovDoD', 'China')]
        [string] $Environment,

        [ArgumentCompleter([NothingCompleter])]
        [uri] $Authority,

        [ArgumentCompleter([NothingCompleter])]
        [uri] $GraphEndpoint,

        [string] $TenantCAFile,

        [Parameter(ParameterSetName = 'Directory')]
        [Parameter(ParameterSetName = 'ClientSecret')]
        [Parameter(ParameterSetName = 'CertificatePath')]
        [Parameter(ParameterSetName = 'CertificateThumbprint')]
        [Parameter(ParameterSetName = 'Certificate')]
        [Parameter(ParameterSetName = 'Identity')]
        [Parameter(ParameterSetName = 'WorkloadIdentity')]
        [Parameter(ParameterSetName = 'AccessToken')]
        [Parameter(ParameterSetName = 'AccessTokenProvider')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Server,

        [ArgumentCompleter([NothingCompleter])]
        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $Credential,

        [ValidateSet('Basic', 'Negotiate')]
        [string] $AuthType,

        [string] $KeytabPath,

        [ArgumentCompleter([NothingCompleter])]
        [string] $KerberosPrincipal,

        [ArgumentCompleter([NothingCompleter])]
        [string] $KerberosRealm,

        [string] $KerberosConfigPath,

        [switch] $UseStartTls,

        [string] $DirectoryCAFile,

        [string] $StatePath,

        [ArgumentCompleter([NothingCompleter])]
        [string] $ServiceAccount
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $request = @{}
    $signer = $null
    try {
        if ($PSCmdlet.ParameterSetName -ne 'Directory') {
            if ($PSCmdlet.ParameterSetName -eq 'CertificateThumbprint') {
                $signer = Find-Certificate -Thumbprint $CertificateThumbprint
            }
            elseif ($PSCmdlet.ParameterSetName -eq 'Certificate') { $signer = $Certificate }
            $source = ConvertTo-SourceField -Cmdlet $PSCmdlet -Bound $PSBoundParameters -Certificate $signer
            $request['source'] = $source
        }
        $target = ConvertTo-TargetField -Cmdlet $PSCmdlet -Bound $PSBoundParameters
        if ($target) { $request['target'] = $target }
    }
    catch { Exit-Command -Cmdlet $PSCmdlet -Problem $_ }

    Select-State -Cmdlet $PSCmdlet -Path $StatePath -ServiceAccount $ServiceAccount -Check 'Usable'

    # the engine may ask for a token or a signature while it connects; what was there stays when that fails
    $before = @{ Certificate = $script:Certificate; AccessTokenProvider = $script:AccessTokenProvider }
    $connected = $false
    try {
        if ($request['source']) {
            $script:Certificate = $signer
            $script:AccessTokenProvider = $AccessTokenProvider
        }
        $call = @{
            Cmdlet    = $PSCmdlet
            Method    = 'session.connect'
            Parameter = $request
            Activity  = 'Connecting'
        }
        $connection = Invoke-Engine @call
        $connected = $true
    }
    finally {
        if (-not $connected -and $script:Engine) {
            $script:Certificate = $before.Certificate
            $script:AccessTokenProvider = $before.AccessTokenProvider
        }
    }
    ConvertTo-Connection $connection
}
