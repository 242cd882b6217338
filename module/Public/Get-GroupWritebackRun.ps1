function Get-GroupWritebackRun {
    <#
    .SYNOPSIS
        Shows the runs, newest first.
    .DESCRIPTION
        Reads the records of the runs: syncs, syncs of one group, previews and what
        Disable-GroupWriteback planned. No connection is needed. PolicyType says
        whether a run read what had changed (Delta) or everything (Initial), and
        PolicyReason why it was Initial; see Start-GroupWritebackSync. They are kept
        for as many days as Set-GroupWriteback -RunHistoryDays says.
    .PARAMETER Id
        The number of the run.
    .PARAMETER Last
        Only the newest runs, as many as given.
    .EXAMPLE
        Get-GroupWritebackRun -Last 5

        The five newest runs.
    .EXAMPLE
        Get-GroupWritebackRun -Last 1 | Get-GroupWritebackChange

        What the last run planned and did.
    .EXAMPLE
        Get-GroupWritebackRun 17 | Format-List

        Everything about one run.
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
