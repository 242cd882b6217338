# The functions behind Restore-GroupWritebackGroup.

# Says in words what a restore would do, or nothing if it would do nothing.
function ConvertTo-RestoreText {
    [OutputType([string])]
    param($Answer)
    $words = [ordered]@{
        RecycleBin = 'from the recycle bin'
        Tombstone  = 'from its tombstone'
        NewObject  = 'as a new object with another SID'
        Members    = 'by adding members'
    }
    $parts = @(foreach ($way in $words.Keys) {
            $count = @($Answer.groups | Where-Object -FilterScript { $_.way -eq $way }).Count
            if ($count) { "$(ConvertTo-CountText -Count $count -Noun 'group') $($words[$way])" }
        })
    if (-not $parts) { return '' }
    $lost = @($Answer.groups | ForEach-Object -Process { $_.lost } | Where-Object -FilterScript { $_ } |
            Sort-Object -Unique)
    $text = "Restore $($parts -join ', ')"
    if ($lost) { $text += "; lost: $($lost -join ', ')" }
    ConvertTo-PlainText -Text $text
}

function ConvertTo-RestoredGroup {
    [OutputType('GroupWriteback.RestoredGroup')]
    param($Answer)
    foreach ($group in $Answer.groups) {
        if ($null -eq $group) { continue }
        ConvertTo-TypedObject -TypeName 'GroupWriteback.RestoredGroup' -Property ([ordered]@{
                GroupId           = [string] $group.id
                DisplayName       = [string] $group.displayName
                Way               = [string] $group.way
                Outcome           = [string] $group.outcome
                Members           = [int] $group.members
                Lost              = @(foreach ($name in $group.lost) { if ($null -ne $name) { [string] $name } })
                Held              = [bool] $group.held
                DistinguishedName = [string] $group.dn
                TargetGuid        = [string] $group.targetGuid
                UndoFile          = [string] $group.path
                ErrorId           = [string] $group.errorId
                Message           = [string] $group.message
                RunId             = [long] $Answer.run.id
            })
    }
}

# Reports each group that was not restored as an error, and warns of those that are on hold.
function Write-RestoreOutcome {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, $Answer)
    $held = @($Answer.groups | Where-Object -FilterScript { $_.held })
    if ($held) {
        $text = "$(ConvertTo-CountText -Count $held.Count -Noun 'group') restored and on hold: the next sync " +
            'leaves what was restored as it is, until Resume-GroupWritebackGroup.'
        Write-Warning -Message (ConvertTo-PlainText -Text $text)
    }
    $failed = @($Answer.groups | Where-Object -FilterScript { $_.errorId })
    foreach ($group in $failed) {
        $problem = @{
            Id       = [string] $group.errorId
            Category = 'InvalidOperation'
            Object   = [string] $group.displayName
            Message  = [string] $group.message
        }
        $Cmdlet.WriteError((ConvertTo-ErrorRecord @problem))
    }
    if ($Answer.run.status -notin 'Complete', 'Partial') {
        Write-RunOutcome -Cmdlet $Cmdlet -Run (ConvertTo-Run $Answer.run)
    }
}
