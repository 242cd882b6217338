# Times are DateTimeOffset in the zone of this computer. They compare and sort as instants, even in the hour that occurs
# twice, and their text shows the offset from UTC. PowerShell converts Get-Date to DateTimeOffset if Get-Date is the
# right operand. It needs this converter if Get-Date is the left operand, if a parameter takes a DateTime, and to
# restore a time that comes from a job, a file or a remote session. DateTimeOffset itself must not have a converter:
# PowerShell would assume that it also converts to TimeSpan, and could not subtract a DateTimeOffset from Get-Date.
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

# Converts a time to the form of the protocol.
function ConvertTo-ProtocolTime {
    [OutputType([string])]
    param([System.DateTimeOffset] $Value)
    $Value.UtcDateTime.ToString('yyyy-MM-ddTHH:mm:ss.fffffffZ', [cultureinfo]::InvariantCulture)
}

# Converts a time of the protocol to the zone of this computer.
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
