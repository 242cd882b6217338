# Converts the parameters of Connect-GroupWriteback to the fields of session.connect.

function ConvertTo-SourceField {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound, $Certificate)
    $fields = @{}
    foreach ($name in 'TenantId', 'ClientId', 'Environment') {
        if ($Bound[$name]) {
            $fields[(ConvertTo-FieldName -Name $name)] = ([string] $Bound[$name]).Trim()
        }
    }
    if ($Bound['Authority']) { $fields['authority'] = $Bound['Authority'].OriginalString }
    if ($Bound['GraphEndpoint']) { $fields['graphEndpoint'] = $Bound['GraphEndpoint'].OriginalString }
    if ($Bound['TenantCAFile']) { $fields['caFile'] = Resolve-FilePath -Cmdlet $Cmdlet -Path $Bound['TenantCAFile'] }
    switch ($Cmdlet.ParameterSetName) {
        'ClientSecret' {
            $fields['clientId'] = $Bound['ClientSecretCredential'].UserName.Trim()
            $fields['credential'] = @{
                kind   = 'ClientSecret'
                secret = ConvertFrom-Secret -Secret $Bound['ClientSecretCredential'].Password
            }
        }
        'CertificatePath' {
            $fields['credential'] = @{
                kind            = 'ClientCertificate'
                certificatePath = Resolve-FilePath -Cmdlet $Cmdlet -Path $Bound['CertificatePath']
            }
            if ($Bound['CertificatePassword']) {
                $fields['credential']['certificatePassword'] = ConvertFrom-Secret -Secret $Bound['CertificatePassword']
            }
        }
        { $_ -in 'CertificateThumbprint', 'Certificate' } {
            $fields['credential'] = @{
                kind        = 'CertificateThumbprint'
                thumbprint  = $Certificate.Thumbprint
                certificate = [System.Convert]::ToBase64String($Certificate.RawData)
            }
        }
        'Identity' { $fields['credential'] = @{ kind = 'ManagedIdentity' } }
        'WorkloadIdentity' {
            $fields['credential'] = @{ kind = 'WorkloadIdentity' }
            if ($Bound['FederatedTokenFile']) {
                $call = @{
                    Cmdlet = $Cmdlet
                    Path   = $Bound['FederatedTokenFile']
                }
                $fields['credential']['federatedTokenFile'] = Resolve-FilePath @call
            }
        }
        'AccessToken' {
            $fields['credential'] = @{
                kind        = 'AccessToken'
                accessToken = ConvertFrom-Secret -Secret $Bound['AccessToken']
                canRefresh  = $false
            }
        }
        'AccessTokenProvider' {
            try {
                $call = @{
                    Provider = $Bound['AccessTokenProvider']
                    TenantId = $Bound['TenantId']
                    Resource = (Get-GraphResource -Bound $Bound)
                }
                $token = Get-AccessToken @call
            }
            catch {
                $problem = @{
                    Id       = 'AccessTokenProviderFailed'
                    Category = 'AuthenticationError'
                    Message  = $_.Exception.GetBaseException().Message
                    Advice   = 'Check that the script block of -AccessTokenProvider returns an access ' +
                        'token for Microsoft Graph.'
                }
                throw (ConvertTo-ErrorRecord @problem)
            }
            $fields['credential'] = @{ kind = 'AccessToken'; accessToken = $token; canRefresh = $true }
        }
    }
    $fields
}

# Returns the address of Microsoft Graph, the same that the engine sends when it asks for a token later. A test compares
# the two.
function Get-GraphResource {
    param([System.Collections.IDictionary] $Bound)
    if ($Bound['GraphEndpoint']) { return $Bound['GraphEndpoint'].OriginalString }
    switch ($Bound['Environment']) {
        'USGov' { 'https://graph.microsoft.us' }
        'USGovDoD' { 'https://dod-graph.microsoft.us' }
        'China' { 'https://microsoftgraph.chinacloudapi.cn' }
        default { 'https://graph.microsoft.com' }
    }
}

function ConvertTo-TargetField {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound)
    $given = @(
        'Credential', 'AuthType', 'KeytabPath', 'KerberosPrincipal', 'KerberosRealm', 'KerberosConfigPath',
        'UseStartTls', 'DirectoryCAFile' |
            Where-Object -FilterScript { $Bound.ContainsKey($_) }
    )
    $lost = @('TenantId', 'ClientId', 'Environment', 'Authority', 'GraphEndpoint', 'TenantCAFile' |
        Where-Object -FilterScript { $Bound.ContainsKey($_) })
    if ($lost -and $Cmdlet.ParameterSetName -eq 'Directory') {
        $problem = @{
            Id       = 'TenantCredentialMissing'
            Category = 'InvalidArgument'
            Object   = "-$($lost[0])"
            Message  = 'The parameter applies to the tenant, but no credential for the tenant was specified.'
            Advice   = 'Add -ClientSecretCredential (Get-Credential), which prompts for the client id and secret of ' +
                'the application; or -ClientId with -CertificateThumbprint or -CertificatePath; or -Identity, ' +
                '-WorkloadIdentity, -AccessTokenProvider or -AccessToken.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    if (-not $Bound['Server']) {
        if ($given) {
            $problem = @{
                Id       = 'ServerMissing'
                Category = 'InvalidArgument'
                Object   = "-$($given[0])"
                Message  = 'The parameter applies to Active Directory, but no server was specified.'
                Advice   = 'Add -Server with a domain controller or the DNS name of the domain.'
            }
            throw (ConvertTo-ErrorRecord @problem)
        }
        if ($Cmdlet.ParameterSetName -eq 'Directory') {
            $problem = @{
                Id       = 'NothingToConnect'
                Category = 'InvalidArgument'
                Message  = 'Neither a tenant nor a server was specified.'
                Advice   = 'Specify -TenantId with a credential, -Server with a domain controller or the DNS name of ' +
                    'the domain, or both. See: Get-Help Connect-GroupWriteback -Examples'
            }
            throw (ConvertTo-ErrorRecord @problem)
        }
        return
    }
    ConvertTo-TargetSignIn -Cmdlet $Cmdlet -Bound $Bound
}

# Returns the fields for the server and the sign-in. Without -Server, the engine uses the server of the connection.
function ConvertTo-TargetSignIn {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound)
    if ($Bound['Credential'] -and $Bound['KeytabPath']) {
        $problem = @{
            Id       = 'CredentialAmbiguous'
            Category = 'InvalidArgument'
            Object   = '-KeytabPath'
            Message  = '-Credential and -KeytabPath cannot be combined.'
            Advice   = 'Specify one of them.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    $fields = @{ startTls = [bool] $Bound['UseStartTls'] }
    if ($Bound['Server']) { $fields['server'] = ([string] $Bound['Server']).Trim() }
    if ($Bound['DirectoryCAFile']) {
        $fields['caFile'] = Resolve-FilePath -Cmdlet $Cmdlet -Path $Bound['DirectoryCAFile']
    }
    $credential = @{}
    if ($Bound['KeytabPath']) {
        if (-not $Bound['KerberosPrincipal']) {
            $problem = @{
                Id       = 'PrincipalMissing'
                Category = 'InvalidArgument'
                Object   = '-KeytabPath'
                Message  = 'The Kerberos principal for the keytab was not specified.'
                Advice   = 'Add -KerberosPrincipal, for example svc-gwb@CONTOSO.COM.'
            }
            throw (ConvertTo-ErrorRecord @problem)
        }
        $credential = @{
            kind   = 'KerberosKeytab'
            user   = [string] $Bound['KerberosPrincipal']
            keytab = Resolve-FilePath -Cmdlet $Cmdlet -Path $Bound['KeytabPath']
        }
    }
    elseif ($Bound['Credential']) {
        $kind = if ($Bound['AuthType'] -eq 'Negotiate') { 'KerberosPassword' } else { 'Simple' }
        $credential = @{
            kind     = $kind
            user     = $Bound['Credential'].UserName
            password = ConvertFrom-Secret -Secret $Bound['Credential'].Password
        }
    }
    elseif ($Bound['AuthType'] -eq 'Basic') {
        $problem = @{
            Id       = 'CredentialMissing'
            Category = 'InvalidArgument'
            Object   = '-AuthType'
            Message  = '-AuthType Basic requires a user name and a password.'
            Advice   = 'Add -Credential.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    else { $credential = @{ kind = 'CurrentIdentity' } }
    if ($credential['kind'] -like 'Kerberos*') {
        if ($Bound['KerberosRealm']) { $credential['realm'] = [string] $Bound['KerberosRealm'] }
        if ($Bound['KerberosConfigPath']) {
            $credential['krb5Conf'] = Resolve-FilePath -Cmdlet $Cmdlet -Path $Bound['KerberosConfigPath']
        }
    }
    $fields['credential'] = $credential
    $fields
}
