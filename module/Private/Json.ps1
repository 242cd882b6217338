# PowerShell 7 makes a date of every text that looks like one, also of a group's name. From 7.5 on it can be told
# not to; Windows PowerShell 5.1 does not do it.
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

# Puts the text back in place of dates.
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
