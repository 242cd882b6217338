# Dot-sourced by Lab.Tests.ps1. Reads and changes the simulated tenant and the directory as other clients do, not
# through the module.
. ([System.IO.Path]::Combine($PSScriptRoot, '..', 'lab', 'Tools.ps1'))

# Sends a request to the control interface of the simulated tenant; see tests/lab/tenant/README.md.
function Invoke-Tenant {
    param([string] $Verb, [System.Collections.IDictionary] $Body = @{})
    $json = ConvertTo-Json -InputObject $Body -Depth 10
    [void] (Send-LabRequest -Uri "$env:GWB_LAB_TENANT_CONTROL/$Verb" -Text $json -Type 'application/json')
}

# Returns an access token of the simulated tenant.
function Get-LabToken {
    $form = 'grant_type=client_credentials&client_id={0}&client_secret={1}&scope={2}' -f @(
        $env:GWB_LAB_TENANT_CLIENT_ID
        [uri]::EscapeDataString($env:GWB_LAB_TENANT_CLIENT_SECRET)
        [uri]::EscapeDataString("$env:GWB_LAB_TENANT_GRAPH/.default")
    )
    $uri = "$env:GWB_LAB_TENANT_AUTHORITY/$env:GWB_LAB_TENANT_ID/oauth2/v2.0/token"
    $answer = Send-LabRequest -Uri $uri -Text $form -Type 'application/x-www-form-urlencoded'
    (ConvertFrom-Json -InputObject $answer).access_token
}

# Sends a request by a tool of the lab, because PowerShell's own client trusts our CA only on some systems.
function Send-LabRequest {
    param([string] $Uri, [string] $Text, [string] $Type)
    $answer = Invoke-LabTool -Command 'tests/lab/post' -Argument $Uri, $Type -Text $Text
    if ($LASTEXITCODE -ne 0) { throw "$answer" }
    $answer -join "`n"
}

function Get-LabCredential {
    param([string] $Name, [string] $Text)
    $plain = New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Text
    New-Object -TypeName System.Management.Automation.PSCredential -ArgumentList $Name, $plain.SecurePassword
}

# Runs a tool from the root of the sources and returns its output.
function Invoke-LabTool {
    param([string] $Command, [string[]] $Argument = @(), [string] $Text)
    Push-Location -LiteralPath ([System.IO.Path]::Combine($PSScriptRoot, '..', '..'))
    try { if ($Text) { $Text | & $Command @Argument 2>&1 } else { & $Command @Argument 2>&1 } }
    finally { Pop-Location }
}

function Invoke-LabLdap {
    param([string] $Command, [string[]] $Argument = @(), [string] $Text)
    $env:LDAPTLS_CACERT = $env:GWB_LAB_CA
    $arguments = @(
        '-x'
        '-H', "ldaps://$env:GWB_LAB_SERVER"
        '-D', $env:GWB_LAB_ADMIN_USER
        '-w', $env:GWB_LAB_ADMIN_PASSWORD
    ) + $Argument
    $out = Invoke-LabTool -Command $Command -Argument $arguments -Text $Text
    if ($LASTEXITCODE -ne 0) { throw "$Command ended with ${LASTEXITCODE}: $out" }
    $out
}

# Returns objects of the directory as ldapsearch shows them: attributes by name, several values as an array.
function Get-LabObject {
    param([string] $Filter, [string] $Base = $env:GWB_LAB_BASE)
    $object = $null
    $lines = @(Invoke-LabLdap -Command ldapsearch -Argument '-LLL', '-o', 'ldif-wrap=no', '-b', $Base, $Filter)
    foreach ($line in $lines + '') {
        if ($line -match '^([\w;-]+)(::?) (.*)$') {
            if (-not $object) { $object = @{} }
            $value = $Matches[3]
            if ($Matches[2] -eq '::') {
                $value = [System.Text.Encoding]::UTF8.GetString([System.Convert]::FromBase64String($value))
            }
            if ($object.ContainsKey($Matches[1])) { $value = @($object[$Matches[1]]) + $value }
            $object[$Matches[1]] = $value
        }
        elseif ($line -eq '' -and $object) {
            if ($object.ContainsKey('dn')) { [pscustomobject] $object }
            $object = $null
        }
    }
}

function Add-LabGroup {
    param([string] $Dn, [System.Collections.IDictionary] $Attribute)
    $lines = @("dn: $Dn", 'objectClass: group', 'groupType: 8') + @(
        $Attribute.Keys | ForEach-Object -Process { "${_}: $($Attribute[$_])" }
    )
    [void] (Invoke-LabLdap -Command ldapadd -Text ($lines -join "`n"))
}

# Returns all containers of the directory that a run could touch, in a stable form.
function Get-LabDump {
    (Invoke-LabTool -Command 'tests/lab/dump') -join "`n"
}
