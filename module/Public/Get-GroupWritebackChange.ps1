function Get-GroupWritebackChange {
    <#
    .SYNOPSIS
        Shows the changes that a run planned, and what became of each.
    .DESCRIPTION
        Reads the changes of a run from the state; no connection is needed. They
        come one after the other as they are read, so that also a very large run can
        be looked at.

        Reason says why, where a change is not plain, and Message says it in words.
        Drift is what somebody else had changed in the directory: Message says what
        and when, Attributes and the members what was put right. A group that is not
        written is there as well, with the action Skip and the reason, NameClash
        for example.
    .PARAMETER RunId
        The number of the run. The default is the newest one that was more than
        a preview.
    .PARAMETER Group
        Only changes of these groups, each named as for Get-GroupWritebackGroup;
        * and ? are wildcards.
    .PARAMETER InputObject
        Runs, or their numbers, whose changes are shown; or groups, whose
        changes alone are shown.
    .PARAMETER Action
        Only changes of these kinds: Create, Adopt, Update, Move, UpdateMembers,
        Delete, Skip.
    .PARAMETER Outcome
        Only changes with these outcomes: Pending (not tried), Done, Partial
        (some members were refused), Failed, Unknown (the answer was lost; the
        next run finds out), Skipped, Held (back by a threshold, see
        Start-GroupWritebackSync).
    .PARAMETER IncludePreview
        Also the changes of previews that come through the pipeline; RunKind
        tells them from those of runs that changed something. A preview that
        -RunId names is always shown.
    .PARAMETER AllMembers
        Give all members that are added and removed; otherwise AddMembers and
        RemoveMembers hold the first 100. AddCount and RemoveCount are always
        right.
    .EXAMPLE
        Get-GroupWritebackChange

        The changes of the newest run.
    .EXAMPLE
        Get-GroupWritebackRun -Last 10 |
            Get-GroupWritebackChange -Outcome Failed, Partial, Unknown |
            Format-List

        What went wrong in the last ten runs, and why.
    .EXAMPLE
        Get-GroupWritebackRun -Last 50 | Get-GroupWritebackChange |
            Where-Object Reason -eq Drift

        What had been changed by hand, and was put right.
    .EXAMPLE
        Get-GroupWritebackChange -RunId 17 -Action UpdateMembers -AllMembers |
            Select-Object DisplayName -ExpandProperty RemoveMembers

        The members that run 17 removed.
    .EXAMPLE
        Get-GroupWritebackRun -Last 20 | Get-GroupWritebackChange -Group Sales

        What has happened to one group.
    .INPUTS
        GroupWriteback.Run, GroupWriteback.Group
    .OUTPUTS
        GroupWriteback.Change
    .LINK
        Get-GroupWritebackRun
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Change')]
    param(
        [Parameter(Position = 0)]
        [Alias('Id')]
        [ArgumentCompleter([RunCompleter])]
        [long[]] $RunId,

        [Alias('GroupId')]
        [SupportsWildcards()]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [string[]] $Group,

        [ValidateSet('Create', 'Adopt', 'Update', 'Move', 'UpdateMembers', 'Delete', 'Skip')]
        [string[]] $Action,

        [ValidateSet('Pending', 'Done', 'Partial', 'Failed', 'Unknown', 'Skipped', 'Held')]
        [string[]] $Outcome,

        [switch] $AllMembers,

        [switch] $IncludePreview,

        [Parameter(ValueFromPipeline)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [object[]] $InputObject
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $previews = 0
        $asked = 0
    }
    process {
        $numbers = @($RunId)
        $names = @($Group)
        foreach ($item in $InputObject) {
            $number = Get-RunNumber -InputObject $item
            $identity = Get-GroupIdentity -InputObject $item
            # a preview among runs is no event; one that is named is meant
            if (-not $IncludePreview -and $item.Kind -eq 'Preview' -and
                $item.PSTypeNames -contains 'GroupWriteback.Run') {
                $previews++
            }
            elseif ($number) { $numbers += $number }
            elseif ($identity.Trim()) { $names += $identity }
            else { $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item)) }
        }
        $numbers = @($numbers | Where-Object -FilterScript { $null -ne $_ })
        $names = @($names | Where-Object -FilterScript { $_ })
        if ($PSBoundParameters.ContainsKey('InputObject') -and -not $numbers -and -not $names) { return }
        if (-not $numbers) {
            $request = @{ limit = 1 }
            if (-not $IncludePreview) { $request['kinds'] = @('Sync', 'Group', 'Disable') }
            $newest = Invoke-Engine -Cmdlet $PSCmdlet -Method 'run.list' -Parameter $request
            $numbers = @(foreach ($run in $newest.runs) { [long] $run.id })
        }
        $asked += $numbers.Count
        $requests = foreach ($number in $numbers) {
            if (-not $names) { @{ runId = $number } }
            foreach ($name in $names) { @{ runId = $number; group = $name } }
        }
        foreach ($request in $requests) {
            # the engine filters by one; by several is done here
            if ($Action.Count -eq 1) { $request['action'] = $Action[0] }
            if ($Outcome.Count -eq 1) { $request['outcome'] = $Outcome[0] }
            $call = @{
                Cmdlet         = $PSCmdlet
                Method         = 'change.list'
                Property       = 'changes'
                Parameter      = $request
                NonTerminating = $true
            }
            Get-EngineList @call | ForEach-Object -Process {
                if (($Action.Count -gt 1 -and $_.action -notin $Action) -or
                    ($Outcome.Count -gt 1 -and $_.outcome -notin $Outcome)) {
                    return
                }
                $change = ConvertTo-Change $_
                if ($AllMembers -and
                    ($change.AddMembers.Count -lt $change.AddCount -or
                        $change.RemoveMembers.Count -lt $change.RemoveCount)) {
                    $call = @{
                        Cmdlet    = $PSCmdlet
                        Method    = 'change.members'
                        Property  = 'members'
                        Parameter = @{ changeId = $change.ChangeId }
                        Limit     = 500
                    }
                    $members = @(Get-EngineList @call)
                    $change.AddMembers = @(ConvertTo-MemberReference ($members |
                        Where-Object -FilterScript { $_.operation -eq 'Add' }))
                    $change.RemoveMembers = @(ConvertTo-MemberReference ($members |
                        Where-Object -FilterScript { $_.operation -eq 'Remove' }))
                }
                $change
            }
        }
    }
    end {
        if ($previews -and -not $asked) {
            $text = "$(ConvertTo-CountText -Count $previews -Noun 'preview') left out, for a preview changes nothing."
            Write-Warning -Message (ConvertTo-PlainText -Text "$text See -IncludePreview.")
        }
    }
}
