function Connect-GroupWriteback {
    <#
    .SYNOPSIS
        Signs in to the Entra tenant, to the Active Directory domain, or to both.
    .DESCRIPTION
        Signs in and keeps the connections for the following commands of this
        PowerShell session. A connection that you do not specify stays as it is. If
        one of the two cannot be reached, neither connection changes.

        The application that reads the tenant needs the Microsoft Graph permissions
        GroupMember.Read.All and User.Read.All. The Active Directory account needs
        the right to create, change and delete groups in the target container.
        Test-GroupWriteback shows what is missing.

        Connections to Active Directory are always encrypted (LDAPS, or StartTLS
        with -UseStartTls), and the certificate of the domain controller is always
        verified.

        Passwords, secrets and tokens are kept only in memory.
    .PARAMETER TenantId
        The tenant's id, or one of its verified domain names.
    .PARAMETER ClientId
        The id of the application (client) to sign in as. With -Identity, the
        client id of a user-assigned managed identity.
    .PARAMETER ClientSecretCredential
        The application and its secret: the user name is the client id, the
        password is the client secret.
    .PARAMETER CertificatePath
        A PFX (PKCS #12) or PEM file with the application's certificate and
        private key.
    .PARAMETER CertificatePassword
        The password of the file that -CertificatePath specifies.
    .PARAMETER CertificateThumbprint
        The thumbprint of the application's certificate in Cert:\CurrentUser\My
        or Cert:\LocalMachine\My. The private key is used to sign but is never
        read, so it need not be exportable.
    .PARAMETER Certificate
        The application's certificate with its private key, as an object.
    .PARAMETER Identity
        Sign in with the managed identity of this machine, or of the Automation
        account that runs the runbook.
    .PARAMETER WorkloadIdentity
        Sign in with a workload identity (a federated token in a file).
    .PARAMETER FederatedTokenFile
        The file with the federated token. The default is the file that the
        environment variable AZURE_FEDERATED_TOKEN_FILE names.
    .PARAMETER AccessToken
        An access token for Microsoft Graph. If it expires during a sync, the
        sync ends as Partial, and the next one continues.
    .PARAMETER AccessTokenProvider
        A script block that returns an access token for Microsoft Graph: as a
        SecureString, a string, or the output of Get-AzAccessToken. It is called
        now and whenever a fresh token is needed, with the tenant and the
        resource as arguments.
    .PARAMETER Environment
        The cloud: Global (default), USGov, USGovDoD or China.
    .PARAMETER Authority
        The https address of the sign-in service, instead of the cloud's.
    .PARAMETER GraphEndpoint
        The https address of Microsoft Graph, instead of the cloud's.
    .PARAMETER TenantCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for -Authority and -GraphEndpoint instead of the system's.
    .PARAMETER Server
        A domain controller (a host name, optionally with a port), or the DNS
        name of the domain.
    .PARAMETER Credential
        The account for Active Directory: user@domain, DOMAIN\user or a
        distinguished name. On Windows, the default is the current account.
    .PARAMETER AuthType
        How -Credential signs in: Basic (default) binds with the user name and
        password over TLS; Negotiate uses Kerberos.
    .PARAMETER KeytabPath
        A Kerberos keytab file, instead of -Credential.
    .PARAMETER KerberosPrincipal
        The account in the keytab file, for example svc-gwb@CONTOSO.COM.
    .PARAMETER KerberosRealm
        The Kerberos realm, if the account name does not contain it.
    .PARAMETER KerberosConfigPath
        A krb5.conf file to use instead of the system's.
    .PARAMETER UseStartTls
        Use StartTLS on port 389 instead of LDAPS on port 636.
    .PARAMETER DirectoryCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for the domain controller instead of the system's.
    .PARAMETER StatePath
        The state folder, on a local drive. The default is
        %ProgramData%\GroupWriteback, or on Linux /var/lib/groupwriteback for
        root. If the folder differs from the current one, a new session starts.
    .PARAMETER ServiceAccount
        On Windows, the account that will run the scheduled sync, for example
        DOMAIN\svc-gwb$. It is granted access to the state folder when the
        folder is created.
    .EXAMPLE
        $app = Get-Credential -Message 'The client id and the client secret'
        $account = Get-Credential CONTOSO\svc-gwb
        Connect-GroupWriteback -TenantId contoso.com `
            -ClientSecretCredential $app -Server dc1.contoso.com `
            -Credential $account

        Prompts for the application's client id and secret and for the account's
        password, and connects to both.
    .EXAMPLE
        Connect-GroupWriteback -TenantId contoso.com -Server contoso.com `
            -ClientId 11111111-2222-3333-4444-555555555555 `
            -CertificateThumbprint 0123456789ABCDEF0123456789ABCDEF01234567

        Signs in to the tenant with a certificate from the Windows certificate
        store, and to the domain as the current account.
    .EXAMPLE
        Connect-GroupWriteback -Identity -TenantId contoso.com `
            -Server contoso.com

        In a runbook on a hybrid worker, signs in to the tenant with the managed
        identity and to the domain as the worker's account.
    .EXAMPLE
        $provider = { Get-AzAccessToken -ResourceTypeName MSGraph }
        Connect-GroupWriteback -TenantId contoso.com -Server dc1.contoso.com `
            -AccessTokenProvider $provider

        Gets access tokens from the Az.Accounts module, also during a long sync.
    .EXAMPLE
        Connect-GroupWriteback -Server dc1.contoso.com `
            -Credential CONTOSO\svc-gwb

        Connects only to Active Directory. Disable-GroupWriteback needs nothing
        else.
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

    # the engine may ask for a token or a signature while it connects; if that fails, the former ones are restored
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
