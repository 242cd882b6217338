function Get-GroupWritebackRun {
    <#
    .SYNOPSIS
        Shows the runs, newest first.
    .DESCRIPTION
        Reads the records of the runs: syncs, syncs of one group, previews, and the
        plans of Disable-GroupWriteback. It needs no connection. PolicyType shows
        whether a run read the changes (Delta) or everything (Initial), and
        PolicyReason shows why it was Initial; see Start-GroupWritebackSync.
        UndoFile is the LDIF file with the groups that the run deleted and the
        members that it removed, as they were before. Set-GroupWriteback
        -RunHistoryDays sets how long runs and these files are kept.
    .PARAMETER Id
        The number of the run.
    .PARAMETER Last
        Show only this number of runs, the newest first.
    .EXAMPLE
        Get-GroupWritebackRun -Last 5

        Shows the five newest runs.
    .EXAMPLE
        Get-GroupWritebackRun -Last 1 | Get-GroupWritebackChange

        Shows what the last run planned and did.
    .EXAMPLE
        Get-GroupWritebackRun 17 | Format-List

        Shows all details of one run.
    .INPUTS
        Objects with a property Id or RunId.
    .OUTPUTS
        GroupWriteback.Run
    .LINK
        Get-GroupWritebackChange
    #>
    [CmdletBinding(DefaultParameterSetName = 'List')]
    [OutputType('GroupWriteback.Run')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Id', ValueFromPipelineByPropertyName)]
        [Alias('RunId')]
        [ArgumentCompleter([RunCompleter])]
        [long[]] $Id,

        [Parameter(ParameterSetName = 'List')]
        [ValidateRange(1, 2147483647)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $Last
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
    }
    process {
        if ($PSCmdlet.ParameterSetName -eq 'Id') {
            foreach ($number in $Id) {
                $run = Invoke-Engine -Cmdlet $PSCmdlet -Method 'run.get' -Parameter @{ id = $number } -NonTerminating
                if ($run) { ConvertTo-Run $run }
            }
            return
        }
        $count = if ($Last) { $Last } else { [int]::MaxValue }
        $limit = [System.Math]::Min($count, 100)
        Get-EngineList -Cmdlet $PSCmdlet -Method 'run.list' -Property 'runs' -Limit $limit |
            Select-Object -First $count |
            ForEach-Object -Process { ConvertTo-Run $_ }
    }
}
