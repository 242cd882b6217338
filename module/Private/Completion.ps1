# Finds what TAB offers. PowerShell calls a class in the module's own scope, so the class finds the module's commands
# whatever prefix they were imported with. If it finds nothing, PowerShell does not offer the files of the current
# folder.
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

# Offers nothing, for values that only the user knows.
class NothingCompleter : PromptCompleter { }

class RunCompleter : PromptCompleter { RunCompleter() : base('Run') { } }

# Offer the plans that adopt something, and the plans that a limit stopped or held back in part.
class AdoptionCompleter : PromptCompleter { AdoptionCompleter() : base('Adoption') { } }
class ConsentCompleter : PromptCompleter { ConsentCompleter() : base('Consent') { } }

# Offer groups: GroupName by name; Group by name, or by id if several groups have the name; WrittenGroup like Group, but
# only groups that are in Active Directory; GroupId by id.
class GroupNameCompleter : PromptCompleter { GroupNameCompleter() : base('GroupName') { } }
class GroupCompleter : PromptCompleter { GroupCompleter() : base('Group') { } }
class WrittenGroupCompleter : PromptCompleter { WrittenGroupCompleter() : base('WrittenGroup') { } }
class GroupIdCompleter : PromptCompleter { GroupIdCompleter() : base('GroupId') { } }

# Offer the attributes that can be mapped, and the functions and properties for an expression.
class MappingAttributeCompleter : PromptCompleter { MappingAttributeCompleter() : base('MappingAttribute') { } }
class MappingExpressionCompleter : PromptCompleter { MappingExpressionCompleter() : base('MappingExpression') { } }

# Returns the completions of a kind for a word. An error here is not the user's, so none stays in $Error.
function Find-Completion {
    [OutputType([System.Management.Automation.CompletionResult])]
    param([string] $Kind, [string] $Word)
    # the next command reports that the engine has ended, and its connections with it
    if (-not $Kind -or ($script:Engine -and $script:Engine.Process.HasExited)) { return }
    $word = $Word.Trim("'", '"')
    $errors = Get-Variable -Name Error -Scope Global -ValueOnly
    $newest = $errors[0]
    # nothing may be drawn or written over the line that the user is typing
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

# Completes groups by name, or with -ById by id. With -Single each value must name one group, so groups that share a
# name are completed by id.
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
