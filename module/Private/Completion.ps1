# What TAB offers. A class is asked by PowerShell in the module's own scope, whatever prefix its commands were imported
# with; and where it finds nothing, nothing is offered, and not the files of the current folder.
class PromptCompleter : System.Management.Automation.IArgumentCompleter {
    [string] $Kind

    PromptCompleter() { }

    PromptCompleter([string] $kind) { $this.Kind = $kind }

    [System.Collections.Generic.IEnumerable[System.Management.Automation.CompletionResult]] CompleteArgument(
        [string] $commandName, [string] $parameterName, [string] $wordToComplete,
        [System.Management.Automation.Language.CommandAst] $commandAst, [System.Collections.IDictionary] $fakeBound
    ) {
        $found = @(Find-Completion -Kind $this.Kind -Word $wordToComplete)
        return [System.Management.Automation.CompletionResult[]] $found
    }
}

# For what only the user knows.
class NothingCompleter : PromptCompleter { }

class RunCompleter : PromptCompleter { RunCompleter() : base('Run') { } }

# Plans that adopt something, and plans that something was held back of.
class AdoptionCompleter : PromptCompleter { AdoptionCompleter() : base('Adoption') { } }
class ConsentCompleter : PromptCompleter { ConsentCompleter() : base('Consent') { } }

# Groups by name; by a name that is no other's, else by id; such of them as are in the directory; and by id.
class GroupNameCompleter : PromptCompleter { GroupNameCompleter() : base('GroupName') { } }
class GroupCompleter : PromptCompleter { GroupCompleter() : base('Group') { } }
class WrittenGroupCompleter : PromptCompleter { WrittenGroupCompleter() : base('WrittenGroup') { } }
class GroupIdCompleter : PromptCompleter { GroupIdCompleter() : base('GroupId') { } }

# Attributes that may be mapped, and the functions and properties of expressions.
class MappingAttributeCompleter : PromptCompleter { MappingAttributeCompleter() : base('MappingAttribute') { } }
class MappingExpressionCompleter : PromptCompleter { MappingExpressionCompleter() : base('MappingExpression') { } }

# What fails here is no error of the user's: nothing is left of it in $Error.
function Find-Completion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([string] $Kind, [string] $Word)
    # that it has ended, and the connections with it, is told by the next command
    if (-not $Kind -or ($script:Engine -and $script:Engine.Process.HasExited)) { return }
    $word = $Word.Trim("'", '"')
    $errors = Get-Variable -Name Error -Scope Global -ValueOnly
    $newest = $errors[0]
    # nor is anything drawn or said over the line that is being typed
    $ProgressPreference = 'SilentlyContinue'
    $WarningPreference = 'SilentlyContinue'
    try {
        switch ($Kind) {
            'Run' { Find-Run | Where-Object -FilterScript { Test-Start "$($_.Id)" $word } | ConvertTo-RunCompletion }
            'Adoption' {
                Find-Run | Where-Object -FilterScript { $_.Planned.Adopt -and (Test-Start $_.PlanId $word) } |
                    ConvertTo-PlanCompletion
            }
            'Consent' {
                Find-Run | Where-Object -FilterScript { (Test-Limit -Run $_) -and (Test-Start $_.PlanId $word) } |
                    ConvertTo-PlanCompletion
            }
            'GroupName' { Find-Group "$word*" | Sort-Object -Property DisplayName -Unique | ConvertTo-GroupCompletion }
            'Group' { Find-Group "$word*" | Where-Object -FilterScript { $_.Id } | ConvertTo-GroupCompletion -Single }
            'WrittenGroup' {
                Find-Group "$word*" | Where-Object -FilterScript { $_.Id -and $_.DistinguishedName } |
                    ConvertTo-GroupCompletion -Single
            }
            'GroupId' {
                Find-Group '*' | Where-Object -FilterScript {
                    $_.Id -and ((Test-Start $_.Id $word) -or (Test-Start $_.DisplayName $word))
                } | ConvertTo-GroupCompletion -ById
            }
            { $_ -like 'Mapping*' } { Find-MappingName -Kind $Kind -Word $word -ErrorAction Ignore }
        }
    }
    catch { Write-Debug -Message (ConvertTo-PlainText -Text "No completions are available: $($_.Exception.Message)") }
    finally { while ($errors.Count -and -not [object]::ReferenceEquals($errors[0], $newest)) { $errors.RemoveAt(0) } }
}

function Find-Run { Get-GroupWritebackRun -Last 20 -ErrorAction Ignore -WarningAction Ignore }

function Find-Group {
    param([string] $Name)
    Get-GroupWritebackGroup -Name $Name -ErrorAction Ignore -WarningAction Ignore | Select-Object -First 500
}

function Test-Start {
    [OutputType([bool])]
    param([string] $Text, [string] $Word)
    $Text.StartsWith($Word, [System.StringComparison]::OrdinalIgnoreCase)
}

function ConvertTo-RunCompletion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([Parameter(ValueFromPipeline)] $Run)
    process {
        ConvertTo-Completion -Value "$($Run.Id)" -Detail ('{0:g} {1} {2}' -f $Run.Started, $Run.Kind, $Run.Status)
    }
}

function ConvertTo-PlanCompletion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([Parameter(ValueFromPipeline)] $Run)
    process {
        $held = @(@($Run.HeldBy) + $Run.StopReason | Where-Object -FilterScript { $_ })
        $what = if ($held) { $held -join ', ' } else { "adopts $($Run.Planned.Adopt)" }
        ConvertTo-Completion -Value $Run.PlanId -Detail "Run $($Run.Id): $what"
    }
}

# With -Single each value names one group: a name that several have names none of them.
function ConvertTo-GroupCompletion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([Parameter(ValueFromPipeline)] $Group, [switch] $Single, [switch] $ById)
    begin { $groups = New-Object -TypeName System.Collections.Generic.List[object] }
    process { $groups.Add($Group) }
    end {
        $same = @{}
        foreach ($one in $groups) { $same[$one.DisplayName]++ }
        foreach ($one in $groups | Select-Object -First 50) {
            $value = if ($ById -or ($Single -and $same[$one.DisplayName] -gt 1)) { $one.Id } else { $one.DisplayName }
            $text = @{ Text = $one.DisplayName; Detail = "$($one.DistinguishedName)" }
            ConvertTo-Completion -Value $value -Quoted @text
        }
    }
}

function ConvertTo-Completion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([string] $Value, [string] $Text = $Value, [string] $Detail, [switch] $Quoted)
    if (-not $Value) { return }
    $typed = $Value
    if ($Quoted) {
        $typed = "'$([System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Value))'"
    }
    if (-not $Detail.Trim()) { $Detail = $Text }
    New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList @(
        $typed, $Text, [System.Management.Automation.CompletionResultType]::ParameterValue, $Detail
    )
}
