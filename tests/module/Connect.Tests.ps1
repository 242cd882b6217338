#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $connected = @{ result = @{
            source = @{
                tenantId = '11111111-1111-1111-1111-111111111111'
                tenantName = 'Contoso'
                appId = 'app'
                roles = @('User.Read.All')
                environment = 'Global'
                credential = 'ClientSecret'
            }
            target = @{
                domain = 'contoso.test'
                server = 'dc1.contoso.test'
                baseDn = 'DC=contoso,DC=test'
                account = 'CN=svc-gwb'
                credential = 'Simple'
            }
        }
    }
    $tenant = 'contoso.test'
    $app = '22222222-2222-2222-2222-222222222222'
    $secret = Get-TestCredential -Name $app -Text 's3cret'
    $account = Get-TestCredential -Name 'svc-gwb@contoso.test' -Text 'p4ss'
    function Get-Sent { (Get-FakeJournal -Method 'session.connect')[-1].params }
    # Returns an application's certificate as a certificate store would hold it.
    function Get-TestCertificate {
        # On the .NET Framework RSA.Create returns a key of 1,024 bits that does not support PSS.
        $key = [System.Security.Cryptography.RSA]::Create(2048)
        if ($PSVersionTable.PSEdition -eq 'Desktop') {
            $key = New-Object -TypeName System.Security.Cryptography.RSACng -ArgumentList 2048
        }
        $type = 'System.Security.Cryptography.X509Certificates.CertificateRequest'
        $padding = [System.Security.Cryptography.RSASignaturePadding]::Pkcs1
        $request = New-Object -TypeName $type -ArgumentList 'CN=groupwriteback', $key, 'SHA256', $padding
        $request.CreateSelfSigned(
            [System.DateTimeOffset]::UtcNow.AddDays(-1),
            [System.DateTimeOffset]::UtcNow.AddDays(1)
        )
    }
}

AfterAll { Clear-FakeScript }

Describe 'Connect-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach { Use-FakeScript @{ 'session.connect' = $connected } }

    It 'signs in with a client secret, and to the directory with a password' {
        $source = @{ TenantId = $tenant; ClientSecretCredential = $secret }
        $connection = Connect-GroupWriteback @source -Server dc1 -Credential $account
        $sent = Get-Sent
        $sent.source.tenantId | Should -Be $tenant
        $sent.source.clientId | Should -Be $app
        $sent.source.credential.kind | Should -Be 'ClientSecret'
        $sent.source.credential.secret | Should -Be 's3cret'
        $sent.target.server | Should -Be 'dc1'
        $sent.target.startTls | Should -BeFalse
        $sent.target.credential.kind | Should -Be 'Simple'
        $sent.target.credential.user | Should -Be 'svc-gwb@contoso.test'
        $sent.target.credential.password | Should -Be 'p4ss'
        $connection.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Connection'
        $connection.TenantName | Should -Be 'Contoso'
        $connection.Server | Should -Be 'dc1.contoso.test'
        , $connection.Roles | Should -BeOfType [array]
    }

    It 'connects one side alone' {
        [void] (Connect-GroupWriteback -Server dc1 -Credential $account)
        (Get-Sent).PSObject.Properties.Name | Should -Be 'target'
        [void] (Connect-GroupWriteback -TenantId $tenant -ClientSecretCredential $secret)
        (Get-Sent).PSObject.Properties.Name | Should -Be 'source'
    }

    It 'sends absolute paths for <Name>' -ForEach @(
        @{
            Name = 'a certificate file'
            Parameter = @{ TenantId = 't'; ClientId = 'c'; CertificatePath = './app.pfx' }
            Sent = { $_.source.credential.certificatePath }
            File = 'app.pfx'
        }
        @{
            Name = 'the CA of the tenant'
            Parameter = @{ Identity = $true; TenantCAFile = 'ca [1].pem' }
            Sent = { $_.source.caFile }
            File = 'ca [1].pem'
        }
        @{
            Name = 'the CA of the directory'
            Parameter = @{ Server = 's'; DirectoryCAFile = 'TestDrive:/ca.pem' }
            Sent = { $_.target.caFile }
            File = 'ca.pem'
        }
        @{
            Name = 'a keytab'
            Parameter = @{ Server = 's'; KeytabPath = 'svc.keytab'; KerberosPrincipal = 'svc@REALM' }
            Sent = { $_.target.credential.keytab }
            File = 'svc.keytab'
        }
        @{
            Name = 'a token file'
            Parameter = @{ WorkloadIdentity = $true; TenantId = 't'; FederatedTokenFile = 'token' }
            Sent = { $_.source.credential.federatedTokenFile }
            File = 'token'
        }
    ) {
        Push-Location -LiteralPath $TestDrive
        try { [void] (Connect-GroupWriteback @Parameter) } finally { Pop-Location }
        Get-Sent | ForEach-Object -Process $Sent | Should -Be (Join-Path -Path $TestDrive -ChildPath $File)
    }

    It 'sends the kind <Kind>' -ForEach @(
        @{
            Kind = 'ClientCertificate'
            Parameter = @{ TenantId = 't'; ClientId = 'c'; CertificatePath = 'a.pem' }
            Side = 'source'
        }
        @{ Kind = 'ManagedIdentity'; Parameter = @{ Identity = $true }; Side = 'source' }
        @{ Kind = 'WorkloadIdentity'; Parameter = @{ WorkloadIdentity = $true; TenantId = 't' }; Side = 'source' }
        @{ Kind = 'CurrentIdentity'; Parameter = @{ Server = 's' }; Side = 'target' }
        @{ Kind = 'CurrentIdentity'; Parameter = @{ Server = 's'; AuthType = 'Negotiate' }; Side = 'target' }
        @{
            Kind = 'KerberosKeytab'
            Parameter = @{ Server = 's'; KeytabPath = 'k'; KerberosPrincipal = 'u@R'; KerberosRealm = 'R' }
            Side = 'target'
        }
    ) {
        [void] (Connect-GroupWriteback @Parameter)
        (Get-Sent).$Side.credential.kind | Should -Be $Kind
    }

    It 'uses Kerberos for a credential with -AuthType Negotiate' {
        $kerberos = @{ AuthType = 'Negotiate'; KerberosRealm = 'CONTOSO.TEST' }
        [void] (Connect-GroupWriteback -Server dc1 -Credential $account @kerberos -UseStartTls)
        $sent = (Get-Sent).target
        $sent.startTls | Should -BeTrue
        $sent.credential.kind | Should -Be 'KerberosPassword'
        $sent.credential.realm | Should -Be 'CONTOSO.TEST'
    }

    It 'sends the cloud and the addresses' {
        $addresses = @{ Authority = 'https://login.test'; GraphEndpoint = 'https://graph.test' }
        [void] (Connect-GroupWriteback -Identity -ClientId $app -Environment USGov @addresses)
        $sent = (Get-Sent).source
        $sent.environment | Should -Be 'USGov'
        $sent.authority | Should -Be 'https://login.test'
        $sent.graphEndpoint | Should -Be 'https://graph.test'
        $sent.clientId | Should -Be $app
    }

    It 'refuses <Name> before anything is sent' -ForEach @(
        @{
            Name = 'a credential without a server'
            Id = 'ServerMissing'
            Parameter = @{ Identity = $true; UseStartTls = $true }
        }
        @{
            Name = 'a cloud without a credential'
            Id = 'TenantCredentialMissing'
            Parameter = @{ Server = 's'; Environment = 'China' }
        }
        @{
            Name = 'a keytab without a principal'
            Id = 'PrincipalMissing'
            Parameter = @{ Server = 's'; KeytabPath = 'k' }
        }
        @{
            Name = 'Basic without a credential'
            Id = 'CredentialMissing'
            Parameter = @{ Server = 's'; AuthType = 'Basic' }
        }
        @{
            Name = 'a thumbprint that is nowhere'
            Id = 'CertificateNotFound'
            Parameter = @{ TenantId = 't'; ClientId = 'c'; CertificateThumbprint = '00 11 22' }
        }
        @{
            Name = 'a path that is no file'
            Id = 'PathNotInFileSystem'
            Parameter = @{ Server = 's'; DirectoryCAFile = 'Env:/PATH' }
        }
    ) {
        $problem = { Connect-GroupWriteback @Parameter } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be "$Id,Connect-GroupWriteback"
        $problem.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL | Should -BeFalse
    }

    It 'keeps secrets out of errors' {
        $refused = @{ Id = 'SecretInvalid'; Category = 'AuthenticationError'; Message = 'The secret is wrong.' }
        Use-FakeScript @{ 'session.connect' = (Get-FakeError @refused) }
        $problem = {
            Connect-GroupWriteback -TenantId $tenant -ClientSecretCredential $secret -Server dc1 -Credential $account
        } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'SecretInvalid,Connect-GroupWriteback'
        $problem.CategoryInfo.Category | Should -Be 'AuthenticationError'
        ($problem | Format-List -Property * -Force | Out-String) | Should -Not -Match 's3cret|p4ss'
    }

    It 'keeps secrets out of the command line, the environment and the log of the engine' -Skip:(
        $env:GWB_WINE -or
        -not (Test-Path -LiteralPath '/proc/self/cmdline')
    ) {
        $source = @{ TenantId = $tenant; ClientSecretCredential = $secret }
        [void] (Connect-GroupWriteback @source -Server dc1 -Credential $account -Verbose 4>&1)
        $process = & (Get-Module -Name GroupWriteback) { $script:Engine.Process.Id }
        foreach ($file in 'cmdline', 'environ') {
            [System.IO.File]::ReadAllText("/proc/$process/$file") | Should -Not -Match 's3cret|p4ss'
        }
        $said = & (Get-Module -Name GroupWriteback) { Get-EngineLogTail -Log $script:Engine.Log }
        [string] $said | Should -Not -Match 's3cret|p4ss'
    }
}

Describe 'An access token' -Skip:(-not $env:FAKE_ENGINE) {
    It 'that is given cannot be refreshed, and the engine is told so' {
        Use-FakeScript @{
            'session.connect' = $connected
            'sync.start' = @{
                callbacks = @(@{ method = 'credential.token'; params = @{ tenantId = 't'; resource = 'r' } })
                result = (Get-FakeRun)
            }
        }
        [void] (Connect-GroupWriteback -AccessToken (ConvertTo-TestSecret -Text 'token0'))
        (Get-Sent).source.credential.accessToken | Should -Be 'token0'
        (Get-Sent).source.credential.canRefresh | Should -BeFalse
        [void] (Start-GroupWritebackSync)
        $answer = @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1]
        $answer.id | Should -Be 1
        $answer.error.data.id | Should -Be 'AccessTokenExpired'
    }

    It 'comes fresh from a script block that returns <Name>' -ForEach @(
        @{
            Name = 'text'
            Provider = { param($Tenant, $Resource) "token for $Tenant $Resource" }
            Token = 'token for t https://graph.test'
        }
        @{
            Name = 'a secure string'
            Provider = { (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', 'token2').SecurePassword }
            Token = 'token2'
        }
        @{
            Name = 'what Get-AzAccessToken returns'
            Provider = { [pscustomobject]@{
                Token = (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', 'token3').SecurePassword
            } }
            Token = 'token3'
        }
    ) {
        Use-FakeScript @{
            'session.connect' = $connected
            'sync.start' = @{
                callbacks = @(@{
                    method = 'credential.token'
                    params = @{ tenantId = 't'; resource = 'https://graph.test' }
                })
                result = (Get-FakeRun)
            }
        }
        [void] (Connect-GroupWriteback -TenantId t -AccessTokenProvider $Provider -GraphEndpoint 'https://graph.test')
        (Get-Sent).source.credential.accessToken | Should -Be $Token
        (Get-Sent).source.credential.canRefresh | Should -BeTrue
        [void] (Start-GroupWritebackSync)
        @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1].result.accessToken | Should -Be $Token
    }

    It 'is asked for with the address of Graph in the cloud, also the first time' -ForEach @(
        @{ Parameter = @{}; Resource = 'https://graph.microsoft.com' }
        @{ Parameter = @{ Environment = 'USGov' }; Resource = 'https://graph.microsoft.us' }
        @{ Parameter = @{ Environment = 'USGovDoD' }; Resource = 'https://dod-graph.microsoft.us' }
        @{ Parameter = @{ Environment = 'China' }; Resource = 'https://microsoftgraph.chinacloudapi.cn' }
    ) {
        Use-FakeScript @{ 'session.connect' = $connected }
        [void] (Connect-GroupWriteback @Parameter -AccessTokenProvider {
            param($Tenant, $Resource)
            "token for $Tenant $Resource"
        })
        (Get-Sent).source.credential.accessToken | Should -Be "token for  $Resource"
    }

    It 'that cannot be had is answered as an error' {
        Use-FakeScript @{
            'session.connect' = $connected
            'sync.start' = @{ callbacks = @(@{ method = 'credential.token'; params = @{} }); result = (Get-FakeRun) }
        }
        $state = @{ First = $true }
        [void] (Connect-GroupWriteback -AccessTokenProvider {
            if (-not $state.First) { throw 'signed out' }
            $state.First = $false
            'token'
        }.GetNewClosure())
        [void] (Start-GroupWritebackSync)
        $answer = @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1]
        $answer.error.message | Should -Be 'signed out'
        $answer.error.code | Should -Be -32003
    }

    It 'that a script block does not give is an error' {
        Use-FakeScript @{ 'session.connect' = $connected }
        { Connect-GroupWriteback -AccessTokenProvider { $null } } |
            Should -Throw -ErrorId 'AccessTokenProviderFailed,Connect-GroupWriteback'
    }

    It 'may come from a script block that uses the module' {
        Use-FakeScript @{
            'session.connect' = $connected; 'run.list' = @{ result = @{ runs = @(Get-FakeRun) } }
            'sync.start' = @{
                callbacks = @(@{ method = 'credential.token'; params = @{} })
                result = (Get-FakeRun @{ id = 8 })
            }
        }
        [void] (Connect-GroupWriteback -AccessTokenProvider { "token $((Get-GroupWritebackRun -Last 1).Id)" })
        (Start-GroupWritebackSync).Id | Should -Be 8
        @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1].result.accessToken | Should -Be 'token 7'
    }
}

# Wine's bcrypt refuses private RSA keys.
Describe 'A certificate' -Skip:(-not $env:FAKE_ENGINE -or $env:GWB_WINE) {
    It 'signs with <Padding>, and its key stays where it is' -ForEach @(@{ Padding = 'Pss' }, @{ Padding = 'Pkcs1' }) {
        $digest = [byte[]] (1..32)
        $certificate = Get-TestCertificate
        Use-FakeScript @{ 'session.connect' = @{
                callbacks = @(@{
                    method = 'credential.sign'
                    params = @{
                        thumbprint = $certificate.Thumbprint
                        digest = [System.Convert]::ToBase64String($digest)
                        padding = $Padding
                    }
                })
                result    = $connected.result
            }
        }
        [void] (Connect-GroupWriteback -TenantId $tenant -ClientId $app -Certificate $certificate)
        $sent = (Get-Sent).source.credential
        $sent.kind | Should -Be 'CertificateThumbprint'
        $sent.certificate | Should -Be ([System.Convert]::ToBase64String($certificate.RawData))
        $answer = @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1]
        $extensions = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]
        $public = $extensions::GetRSAPublicKey($certificate)
        $mode = [System.Security.Cryptography.RSASignaturePadding]::Pkcs1
        if ($Padding -eq 'Pss') { $mode = [System.Security.Cryptography.RSASignaturePadding]::Pss }
        $public.VerifyHash(
            $digest,
            [System.Convert]::FromBase64String($answer.result.signature),
            [System.Security.Cryptography.HashAlgorithmName]::SHA256,
            $mode
        ) | Should -BeTrue
    }

    It 'is found by its thumbprint as the certificate dialog shows it' {
        $namespace = 'System.Security.Cryptography.X509Certificates'
        $store = New-Object -TypeName "$namespace.X509Store" -ArgumentList 'My', 'CurrentUser'
        $store.Open('ReadWrite')
        # Import the certificate from a PFX, so that it has a key that the store keeps.
        $pfx = (Get-TestCertificate).Export('Pfx', 'x')
        $parts = $pfx, 'x', 'UserKeySet, PersistKeySet'
        $certificate = New-Object -TypeName "$namespace.X509Certificate2" -ArgumentList $parts
        try {
            $store.Add($certificate)
            Use-FakeScript @{ 'session.connect' = $connected }
            $shown = [char] 0x200E + (($certificate.Thumbprint.ToLowerInvariant() -replace '(..)', '$1 ').Trim())
            [void] (Connect-GroupWriteback -TenantId $tenant -ClientId $app -CertificateThumbprint $shown)
            (Get-Sent).source.credential.thumbprint | Should -Be $certificate.Thumbprint
        }
        finally {
            $store.Remove($certificate)
            $store.Close()
        }
    }

    It 'that is not the one connected with signs nothing' {
        $certificate = Get-TestCertificate
        Use-FakeScript @{ 'session.connect' = @{
            callbacks = @(@{
                method = 'credential.sign'
                params = @{ thumbprint = 'AB'; digest = ''; padding = 'Pss' }
            })
            result = $connected.result
        } }
        [void] (Connect-GroupWriteback -TenantId $tenant -ClientId $app -Certificate $certificate)
        @(Get-FakeJournal | Where-Object -FilterScript { -not $_.method })[-1].error.data.id |
            Should -Be 'SigningFailed'
    }
}
