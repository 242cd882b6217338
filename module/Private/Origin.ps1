# Says, for the audit, what the module can tell of where its user works: through which remote session, from which
# address, or in which job. Nobody checks it. An ordinary session at the computer has none of these.

function Get-Origin {
    [OutputType([string])]
    param()
    $sender = Get-Variable -Name PSSenderInfo -Scope Global -ValueOnly -ErrorAction Ignore
    $job = Get-Variable -Name PSPrivateMetadata -Scope Global -ValueOnly -ErrorAction Ignore
    $parts = @(
        if ($sender) { "remote session of $($sender.UserInfo.Identity.Name)" }
        if ($env:SSH_CONNECTION) { "SSH from $(@($env:SSH_CONNECTION -split ' ')[0])" }
        if ($env:SESSIONNAME -like 'RDP-*' -and $env:CLIENTNAME) { "Remote Desktop from $env:CLIENTNAME" }
        if ($job.JobId) { "Azure Automation job $($job.JobId)" }
    )
    $parts -join ', '
}
