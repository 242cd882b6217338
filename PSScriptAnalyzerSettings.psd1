# Invoke-ScriptAnalyzer -Path . -Recurse -Settings ./PSScriptAnalyzerSettings.psd1
@{
    Severity = @('Error', 'Warning')
    Rules    = @{
        PSAvoidLongLines      = @{
            Enable            = $true
            MaximumLineLength = 120
        }
        PSUseCompatibleSyntax = @{
            Enable         = $true
            TargetVersions = @('5.1', '7.0')
        }
    }
}
