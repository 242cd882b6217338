# Answers the engine, which asks for a fresh access token or a signature while a request runs.

function Get-CallbackAnswer {
    param($Message)
    $answer = [ordered]@{ jsonrpc = '2.0'; id = $Message.id }
    try {
        switch ($Message.method) {
            'credential.token' {
                $call = @{
                    Provider = $script:AccessTokenProvider
                    TenantId = $Message.params.tenantId
                    Resource = $Message.params.resource
                }
                $answer['result'] = @{ accessToken = Get-AccessToken @call }
            }
            'credential.sign' {
                $call = @{
                    Thumbprint = $Message.params.thumbprint
                    Digest     = $Message.params.digest
                    Padding    = $Message.params.padding
                }
                $answer['result'] = @{ signature = Get-Signature @call }
            }
            default { $answer['error'] = @{ code = -32601; message = "The module has no method $($Message.method)." } }
        }
    }
    catch {
        $token = $Message.method -eq 'credential.token'
        $answer['error'] = [ordered]@{
            code    = -32003
            message = ConvertTo-PlainText -Text $_.Exception.GetBaseException().Message
            data    = [ordered]@{
                category = 'AuthenticationError'
                id       = if ($token) { 'AccessTokenExpired' } else { 'SigningFailed' }
                object   = ''
                advice   = if ($token) {
                    'Connect with a fresh access token, and start the sync again.'
                }
                else {
                    'Check that this account can use the private key of the certificate.'
                }
            }
        }
    }
    $answer
}

function Get-AccessToken {
    param([scriptblock] $Provider, [string] $TenantId, [string] $Resource)
    if ($null -eq $Provider) {
        throw 'The access token has expired, and no -AccessTokenProvider was specified to renew it.'
    }
    $token = @(& $Provider $TenantId $Resource)[-1]
    # Get-AzAccessToken, and commands like Get-MgContext, return an object that contains the token
    if ($null -ne $token.Token) { $token = $token.Token }
    $token = if ($token -is [securestring]) { ConvertFrom-Secret -Secret $token } else { [string] $token }
    if (-not $token) { throw 'The script block of -AccessTokenProvider returned no access token.' }
    $token
}

# Signs the digest with the private key of the certificate. It never reads the key, which may not be exportable, or may
# be on a smart card or TPM.
function Get-Signature {
    param([string] $Thumbprint, [string] $Digest, [string] $Padding)
    $certificate = $script:Certificate
    if ($null -eq $certificate -or $certificate.Thumbprint -ne $Thumbprint) {
        throw "The certificate with the thumbprint $Thumbprint was not found."
    }
    $key = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($certificate)
    if ($null -eq $key) { throw "The certificate $Thumbprint has no usable RSA private key." }
    try {
        $mode = if ($Padding -eq 'Pss') {
            [System.Security.Cryptography.RSASignaturePadding]::Pss
        }
        else {
            [System.Security.Cryptography.RSASignaturePadding]::Pkcs1
        }
        [System.Convert]::ToBase64String(
            $key.SignHash(
                [System.Convert]::FromBase64String($Digest),
                [System.Security.Cryptography.HashAlgorithmName]::SHA256,
                $mode))
    }
    finally { $key.Dispose() }
}

function ConvertFrom-Secret {
    param([securestring] $Secret)
    (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Secret).Password
}

# Returns the certificate with the thumbprint, from the user's store or the computer's.
function Find-Certificate {
    param([string] $Thumbprint)
    # a thumbprint copied from the certificate dialog contains blanks and an invisible mark
    $wanted = ($Thumbprint -replace '[^0-9A-Fa-f]').ToUpperInvariant()
    $found = foreach ($location in 'CurrentUser', 'LocalMachine') {
        $call = @{
            TypeName     = 'System.Security.Cryptography.X509Certificates.X509Store'
            ArgumentList = 'My', $location
        }
        $store = New-Object @call
        try {
            $store.Open('ReadOnly, OpenExistingOnly')
            $store.Certificates.Find('FindByThumbprint', $wanted, $false)
        }
        catch {
            $text = "Certificate store ${location}\My: $($_.Exception.GetBaseException().Message)"
            Write-Verbose -Message (ConvertTo-PlainText -Text $text)
        }
        finally { $store.Close() }
    }
    $certificate = @($found | Where-Object -FilterScript { $_.HasPrivateKey })[0]
    if ($null -eq $certificate) {
        $message = if ($found) {
            'The certificate has no private key on this computer.'
        }
        else {
            'No certificate with this thumbprint is in CurrentUser\My or LocalMachine\My.'
        }
        $problem = @{
            Id       = 'CertificateNotFound'
            Category = 'ObjectNotFound'
            Object   = $wanted
            Message  = $message
            Advice   = 'Run "Get-ChildItem Cert:\CurrentUser\My, Cert:\LocalMachine\My", or specify the file with ' +
                '-CertificatePath.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    $certificate
}
