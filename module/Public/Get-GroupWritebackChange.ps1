function Get-GroupWritebackChange {
    <#
    .SYNOPSIS
        Shows the changes that a run planned, and the outcome of each.
    .DESCRIPTION
        Reads the changes of a run from the state. It needs no connection. The
        changes are streamed, so it also works for a very large run.

        Reason shows why a change was planned if this is not obvious, and Message
        explains it. The reason Drift means that somebody else changed the object in
        Active Directory: Message shows what was changed and when, and Attributes
        and the members show what was corrected. Groups that are not written are
        also listed, with the action Skip and a reason such as NameClash.
    .PARAMETER RunId
        The number of the run. The default is the newest run that was not a
        preview.
    .PARAMETER Group
        Show only changes of these groups, specified as for
        Get-GroupWritebackGroup. * and ? are wildcards.
    .PARAMETER InputObject
        Runs or run numbers whose changes to show, or groups to show only their
        changes.
    .PARAMETER Action
        Show only changes with these actions: Create, Adopt, Update, Move,
        UpdateMembers, Delete, Restore, Skip.
    .PARAMETER Outcome
        Show only changes with these outcomes: Pending (not tried), Done,
        Partial (some members were rejected), Failed, Unknown (the response was
        lost; the next run checks), Skipped, Held (held back by a threshold, see
        Start-GroupWritebackSync).
    .PARAMETER IncludePreview
        Also show the changes of previews that come through the pipeline.
        RunKind distinguishes them from actual runs. A preview that -RunId
        specifies is always shown.
    .PARAMETER AllMembers
        Return all added and removed members. By default, AddMembers and
        RemoveMembers contain the first 100. AddCount and RemoveCount are always
        complete.
    .EXAMPLE
        Get-GroupWritebackChange

        Shows the changes of the newest run.
    .EXAMPLE
        Get-GroupWritebackRun -Last 10 |
            Get-GroupWritebackChange -Outcome Failed, Partial, Unknown |
            Format-List

        Shows what failed in the last ten runs, and why.
    .EXAMPLE
        Get-GroupWritebackRun -Last 50 | Get-GroupWritebackChange |
            Where-Object Reason -eq Drift

        Shows manual changes that were corrected.
    .EXAMPLE
        Get-GroupWritebackChange -RunId 17 -Action UpdateMembers -AllMembers |
            Select-Object DisplayName -ExpandProperty RemoveMembers

        Shows the members that run 17 removed.
    .EXAMPLE
        Get-GroupWritebackRun -Last 20 | Get-GroupWritebackChange -Group Sales

        Shows the history of one group.
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

        [ValidateSet('Create', 'Adopt', 'Update', 'Move', 'UpdateMembers', 'Delete', 'Restore', 'Skip')]
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
            # a preview among piped runs changed nothing and is skipped; a preview that -RunId names is wanted
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
            if (-not $IncludePreview) { $request['kinds'] = @('Sync', 'Group', 'Disable', 'Restore') }
            $newest = Invoke-Engine -Cmdlet $PSCmdlet -Method 'run.list' -Parameter $request
            $numbers = @(foreach ($run in $newest.runs) { [long] $run.id })
        }
        $asked += $numbers.Count
        $requests = foreach ($number in $numbers) {
            if (-not $names) { @{ runId = $number } }
            foreach ($name in $names) { @{ runId = $number; group = $name } }
        }
        foreach ($request in $requests) {
            # the engine filters by one value; several values are filtered here
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
            $text = "$(ConvertTo-CountText -Count $previews -Noun 'preview') omitted, as they change nothing."
            Write-Warning -Message (ConvertTo-PlainText -Text "$text See -IncludePreview.")
        }
    }
}
