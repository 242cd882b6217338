# Times are DateTimeOffset in the zone of this computer: they are compared and sorted as instants, also in the hour
# that comes twice, and their text says how far they are from UTC. PowerShell makes a DateTimeOffset of Get-Date where
# that stands on the right. Where it stands on the left, or a parameter takes a DateTime, it needs this converter; so
# it does to make a time of what comes from a job, a file or a remote session. For DateTimeOffset there must be none:
# PowerShell would think that it makes a TimeSpan, too, and not know how to subtract one from Get-Date.
class TimeConverter : System.Management.Automation.PSTypeConverter {
    [bool] CanConvertFrom([object] $source, [type] $type) {
        return $source -is [System.DateTimeOffset] -or
            $source.PSObject.TypeNames[0] -eq 'Deserialized.System.DateTimeOffset'
    }

    [object] ConvertFrom([object] $source, [type] $type, [System.IFormatProvider] $provider, [bool] $ignoreCase) {
        return ([datetime] $source.UtcDateTime).ToLocalTime()
    }

    [bool] CanConvertTo([object] $source, [type] $type) { return $false }

    [object] ConvertTo([object] $source, [type] $type, [System.IFormatProvider] $provider, [bool] $ignoreCase) {
        throw (New-Object -TypeName System.NotSupportedException)
    }
}

function Register-TimeConverter {
    $option = @{ Force = $true; WhatIf = $false; Confirm = $false }
    Update-TypeData -TypeName 'System.DateTime' -TypeConverter ([TimeConverter]) @option
    Update-TypeData -TypeName 'Deserialized.System.DateTimeOffset' -TargetTypeForDeserialization ([datetime]) @option
}

# A time of the protocol in the zone of this computer.
function ConvertTo-LocalTime {
    [OutputType([System.DateTimeOffset])]
    param([string] $Value)
    if (-not $Value) { return $null }
    [System.DateTimeOffset]::Parse(
        $Value,
        [cultureinfo]::InvariantCulture,
        [System.Globalization.DateTimeStyles]::AssumeUniversal
    ).ToLocalTime()
}
