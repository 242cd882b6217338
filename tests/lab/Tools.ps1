# Dot-sourced by what uses the tools of the lab. PowerShell for Windows cannot start them, and has them run by
# tests/windows/tools, whose address GWB_LAB_TOOLS is.
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
