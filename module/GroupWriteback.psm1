# The engine omits empty fields from its answers. In the strict mode of a caller, reading one would be an error.
Set-StrictMode -Off

# The folder that contains the manifest and, in bin, the engine.
$script:ModuleBase = Split-Path -Path $PSScriptRoot -Parent

# The engine process of this module instance, and the state folder and service account that it is started with.
$script:Engine = $null
$script:StatePath = ''
$script:ServiceAccount = ''

# These supply what the engine asks for while it works: fresh access tokens, and signatures by a certificate.
$script:AccessTokenProvider = $null
$script:Certificate = $null

# The user id on Unix, read once.
$script:UserId = $null

# Seconds that the engine has to answer the handshake, and to finish after a request is cancelled or its input is
# closed.
$script:StartTimeout = 60
$script:StopTimeout = 45

foreach ($folder in 'Private', 'Public') {
    foreach ($file in Get-ChildItem -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath $folder) -Filter '*.ps1') {
        . $file.FullName
    }
}

Restore-StateChoice
Register-TimeConverter

$types = @(Get-TypeData)
Update-TypeData -TypeData $types -Force -WhatIf:$false -Confirm:$false

$ExecutionContext.SessionState.Module.OnRemove = {
    Close-Engine
    foreach ($type in $types) {
        Remove-TypeData -TypeName $type.TypeName -ErrorAction Ignore -WhatIf:$false -Confirm:$false
    }
}

Export-ModuleMember -Function @(
    'Clear-GroupWritebackExchangeStep'
    'Connect-GroupWriteback'
    'Disable-GroupWriteback'
    'Disconnect-GroupWriteback'
    'Enable-GroupWriteback'
    'Export-GroupWritebackMapping'
    'Get-GroupWriteback'
    'Get-GroupWritebackAudit'
    'Get-GroupWritebackChange'
    'Get-GroupWritebackExchangeStep'
    'Get-GroupWritebackGroup'
    'Get-GroupWritebackGroupMember'
    'Get-GroupWritebackMapping'
    'Get-GroupWritebackPermission'
    'Get-GroupWritebackRun'
    'Grant-GroupWritebackPermission'
    'Import-GroupWritebackMapping'
    'Remove-GroupWritebackMapping'
    'Restore-GroupWritebackGroup'
    'Resume-GroupWritebackGroup'
    'Revoke-GroupWritebackPermission'
    'Set-GroupWriteback'
    'Set-GroupWritebackMapping'
    'Start-GroupWritebackSync'
    'Suspend-GroupWritebackGroup'
    'Test-GroupWriteback'
    'Test-GroupWritebackMapping'
)
