# Calls a method for each group that the input identifies, once it is confirmed, and returns the group on request.
function Invoke-GroupMethod {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Method,
        [object[]] $Group,
        [System.Collections.IDictionary] $Parameter = @{},
        [string] $Action,
        [switch] $PassThru
    )
    foreach ($item in $Group) {
        $name = Get-GroupIdentity -InputObject $item -ById
        if (-not $name.Trim()) {
            $Cmdlet.WriteError((Get-GroupUnnamedError -InputObject $item))
            continue
        }
        $shown = if ($item.DisplayName) { "$($item.DisplayName) ($name)" } else { $name }
        if (-not $Cmdlet.ShouldProcess((ConvertTo-PlainText -Text $shown), $Action)) { continue }
        $call = @{
            Cmdlet         = $Cmdlet
            Method         = $Method
            Parameter      = $Parameter + @{ group = $name }
            NonTerminating = $true
        }
        $answer = Invoke-Engine @call
        if ($answer -and $PassThru) { ConvertTo-Group $answer.group }
    }
}
