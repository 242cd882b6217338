function Clear-GroupWritebackExchangeStep {
    <#
    .SYNOPSIS
        Takes changed groups off the list of what is due in Exchange.
    .DESCRIPTION
        Nothing in the directory shows that Update-Recipient was run for a changed
        group, so Get-GroupWritebackExchangeStep lists it until this command is
        given its step. A group that a later run has changed meanwhile stays on
        the list. A new group leaves it by itself, when Exchange has completed it;
        steps of other kinds leave it when they are done, and are ignored here.
        No connection is needed.
    .PARAMETER Step
        A step, as Get-GroupWritebackExchangeStep returned it.
    .EXAMPLE
        $steps = Get-GroupWritebackExchangeStep
        $steps | Clear-GroupWritebackExchangeStep

        Lists what is due and, after the commands were run in Exchange's shell,
        takes it off the list.
    .INPUTS
        GroupWriteback.ExchangeStep
    .OUTPUTS
        None
    .LINK
        Get-GroupWritebackExchangeStep
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([void])]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline)]
        [ValidateNotNull()]
        [ArgumentCompleter([NothingCompleter])]
        [object[]] $Step
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $seen = New-Object -TypeName 'System.Collections.Generic.List[object]'
    }
    process {
        foreach ($item in $Step) {
            if ($item.Kind -ne 'UpdateRecipient' -or -not $item.RunId) { continue }
            $target = ConvertTo-PlainText -Text ([string] $item.Object)
            if ($PSCmdlet.ShouldProcess($target, 'Take off the list of what is due in Exchange')) {
                $seen.Add(@{ targetGuid = [string] $item.TargetGuid; runId = [long] $item.RunId })
            }
        }
    }
    end {
        for ($i = 0; $i -lt $seen.Count; $i += 1000) {
            $call = @{
                Cmdlet    = $PSCmdlet
                Method    = 'exchange.clear'
                Parameter = @{ steps = @($seen.GetRange($i, [Math]::Min(1000, $seen.Count - $i))) }
            }
            [void] (Invoke-Engine @call)
        }
    }
}
