function Get-GroupWritebackExchangeStep {
    <#
    .SYNOPSIS
        Lists what is still due in Exchange for the groups that are written.
    .DESCRIPTION
        Reads the written groups and what the configuration partition says about
        Exchange, and lists the steps that an Exchange administrator still has to
        take, in order, each with the exact command for Exchange's shell: an
        accepted domain, the address spaces of the send connector,
        Update-Recipient for new and changed groups, and warnings of what breaks
        mail flow and cannot be seen from here. What is done is not listed.
        Nothing is changed, here or in Exchange.

        A new group is due until Exchange has completed it. Nothing shows that a
        changed group was: it stays on the list until
        Clear-GroupWritebackExchangeStep takes it off. None of the steps was
        tried on a real Exchange; docs/exchange.md says what to try first.

        Needs the connection to the directory. With one to the tenant, too, the
        tenant's domains are known.
    .PARAMETER AsScript
        Return one script for Exchange's shell. What has to be decided first is
        in it as a comment. The script is plain ASCII.
    .EXAMPLE
        Get-GroupWritebackExchangeStep

        What is due.
    .EXAMPLE
        Get-GroupWritebackExchangeStep -AsScript | Set-Content steps.ps1

        Writes a script to read, and to run in Exchange's shell.
    .EXAMPLE
        Get-GroupWritebackExchangeStep | Clear-GroupWritebackExchangeStep

        After the script was run: takes the changed groups off the list.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.ExchangeStep. With -AsScript System.String.
    .LINK
        Clear-GroupWritebackExchangeStep
    .LINK
        Test-GroupWriteback
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.ExchangeStep', 'System.String')]
    param(
        [switch] $AsScript
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $result = Invoke-Engine -Cmdlet $PSCmdlet -Method 'exchange.steps' -Activity 'Looking at Exchange'
    $call = @{
        Cmdlet   = $PSCmdlet
        Method   = 'exchange.recipients'
        Property = 'steps'
        Limit    = 500
    }
    if (-not $AsScript) {
        foreach ($step in $result.steps) { if ($null -ne $step) { ConvertTo-ExchangeStep -Step $step } }
        Get-EngineList @call | ForEach-Object -Process { ConvertTo-ExchangeStep -Step $_ }
        return
    }
    $lines = @(
        '# What is due in Exchange for the groups of GroupWriteback. Read it before you run it in the Exchange'
        '# Management Shell. A command behind # is for you to decide.'
        foreach ($step in $result.steps) { if ($null -ne $step) { ''; $step.script } }
        Get-EngineList @call | ForEach-Object -Process { ''; $_.script }
    )
    $lines -join [Environment]::NewLine
}
