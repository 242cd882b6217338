# Dot-sourced by scripts that use the tools of the lab. PowerShell for Windows cannot start the tools, so it asks
# tests/windows/tools to run them. GWB_LAB_TOOLS is the address of tests/windows/tools.
if ($env:GWB_LAB_TOOLS) {
    $tools = @(
        'ldapsearch', 'ldapadd', 'ldapmodify', 'ldapdelete', 'chmod'
        'tests/lab/dump', 'tests/lab/post', 'tests/demo/tenant'
    )
    foreach ($name in $tools) {
        Set-Item -Path "Function:global:$name" -Value {
            $environment = @{}
            Get-ChildItem -Path Env:LDAP* | ForEach-Object -Process { $environment[$_.Name] = $_.Value }
            $asked = @{
                command = [string[]] (@($MyInvocation.MyCommand.Name) + $args)
                text = @($input) -join "`n"
                environment = $environment
            }
            $answer = Invoke-RestMethod -Method Post -Uri $env:GWB_LAB_TOOLS -Body (ConvertTo-Json -InputObject $asked)
            Set-Variable -Name LASTEXITCODE -Value $answer.code -Scope Global
            $answer.text.TrimEnd("`n") -split '\n'
        }
    }
}
