# PowerShell 7 converts every string that looks like a date, even the name of a group. From 7.5 on, -DateKind String
# prevents that; Windows PowerShell 5.1 does not convert.
$script:JsonOption = @{}
$script:JsonMakesDates = $false
if ((Get-Command -Name ConvertFrom-Json).Parameters.ContainsKey('DateKind')) {
    $script:JsonOption['DateKind'] = 'String'
}
elseif ($PSVersionTable.PSVersion.Major -ge 6) { $script:JsonMakesDates = $true }

function ConvertFrom-EngineJson {
    param([string] $Line)
    $option = $script:JsonOption
    $Line = ConvertTo-PlainJson -Line $Line
    $value = ConvertFrom-Json -InputObject $Line @option
    if ($script:JsonMakesDates -and $Line -match '"\d{4}-\d\d-\d\dT') { Restore-DateText -Value $value } else { $value }
}

# Turns dates back into text.
function Restore-DateText {
    param($Value)
    if ($Value -is [datetime]) {
        return $Value.ToString('yyyy-MM-ddTHH:mm:ss.FFFFFFFK', [cultureinfo]::InvariantCulture)
    }
    if ($Value -is [array]) {
        for ($i = 0; $i -lt $Value.Count; $i++) { $Value[$i] = Restore-DateText -Value $Value[$i] }
        return , $Value
    }
    if ($Value -is [System.Management.Automation.PSCustomObject]) {
        foreach ($property in $Value.PSObject.Properties) { $property.Value = Restore-DateText -Value $property.Value }
    }
    $Value
}
