# Converts the answers of the engine to objects with a type name, for which there are views and type data. Properties
# have the names that administrators know from the ActiveDirectory module, if it has them.

# Returns an object with the properties and the type name. The name is added after the members, because PowerShell
# refuses to create members that the type name already has (TypeData.ps1).
function ConvertTo-TypedObject {
    param([string] $TypeName, [System.Collections.IDictionary] $Property)
    $object = [pscustomobject] $Property
    $object.PSObject.TypeNames.Insert(0, $TypeName)
    $object
}

function ConvertTo-Total {
    param($Total)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Total' -Property ([ordered]@{
        Create         = [int] $Total.create
        Adopt          = [int] $Total.adopt
        Update         = [int] $Total.update
        Move           = [int] $Total.move
        UpdateMembers  = [int] $Total.updateMembers
        Delete         = [int] $Total.delete
        Skip           = [int] $Total.skip
        MembersAdded   = [int] $Total.membersAdded
        MembersRemoved = [int] $Total.membersRemoved
    })
}

function ConvertTo-Run {
    param($Run)
    $problem = $null
    if ($Run.error) {
        $problem = ConvertTo-TypedObject -TypeName 'GroupWriteback.RunError' -Property ([ordered]@{
            Id         = $Run.error.id
            Category   = $Run.error.category
            Object     = [string] $Run.error.object
            Message    = [string] $Run.error.message
            Advice     = [string] $Run.error.advice
        })
    }
    $started = ConvertTo-LocalTime $Run.started
    $ended = ConvertTo-LocalTime $Run.ended
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Run' -Property ([ordered]@{
        Id               = [long] $Run.id
        Kind             = $Run.kind
        PolicyType       = $Run.policyType
        PolicyReason     = [string] $Run.policyReason
        Status           = $Run.status
        StopReason       = [string] $Run.stopReason
        Started          = $started
        Ended            = $ended
        Duration         = if ($started -and $ended) { $ended - $started }
        Message          = [string] $Run.message
        Error            = $problem
        Server           = [string] $Run.server
        GroupId          = [string] $Run.groupId
        GroupName        = [string] $Run.groupName
        PlanId           = [string] $Run.planId
        SourceGroups     = [int] $Run.sourceGroups
        TargetGroups     = [int] $Run.targetGroups
        LinkedGroups     = [int] $Run.linkedGroups
        MissingGroups    = [int] $Run.missingGroups
        DriftedGroups    = [int] $Run.driftedGroups
        Planned          = ConvertTo-Total $Run.planned
        Exported         = ConvertTo-Total $Run.exported
        Held             = ConvertTo-Total $Run.held
        HeldBy           = @(foreach ($reason in $Run.heldBy) { [string] $reason })
        HeldRuns         = [int] $Run.heldRuns
        UndoFile         = [string] $Run.undoFile
        Failed           = [int] $Run.failed
        UnknownMembers   = [int] $Run.unknownMembers
        UnwrittenMembers = [int] $Run.unwrittenMembers
        GroupsOnHold     = [int] $Run.groupsOnHold
        QuarantinedGroups = [int] $Run.quarantinedGroups
    })
}

function ConvertTo-GroupSync {
    param($Sync)
    $run = ConvertTo-Run $Sync.run
    ConvertTo-TypedObject -TypeName 'GroupWriteback.GroupSync' -Property ([ordered]@{
        GroupId     = $Sync.id
        DisplayName = [string] $Sync.displayName
        Status      = $run.Status
        Steps       = @(foreach ($step in $Sync.steps) {
                if ($null -ne $step) {
                    ConvertTo-TypedObject -TypeName 'GroupWriteback.GroupSyncStep' -Property ([ordered]@{
                        Name    = $step.name
                        Result  = $step.result
                        Message = [string] $step.message
                    })
                }
            })
        Unwritten   = @(foreach ($member in $Sync.unwritten) {
            if ($null -ne $member) { ConvertTo-Member -Member $member -GroupId $Sync.id -GroupName $Sync.displayName }
        })
        RunId       = $run.Id
        Run         = $run
    })
}

function ConvertTo-ExchangeStep {
    param($Step)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.ExchangeStep' -Property ([ordered]@{
        Kind       = [string] $Step.kind
        Object     = [string] $Step.object
        Groups     = [int] $Step.groups
        Message    = [string] $Step.message
        Command    = [string] $Step.command
        Decide     = [bool] $Step.decide
        GroupId    = [string] $Step.groupId
        TargetGuid = [string] $Step.targetGuid
        RunId      = [long] $Step.runId
    })
}

function ConvertTo-MemberReference {
    param($Member)
    foreach ($item in $Member) {
        if ($null -ne $item) {
            ConvertTo-TypedObject -TypeName 'GroupWriteback.MemberReference' -Property ([ordered]@{
                Guid              = $item.guid
                DistinguishedName = [string] $item.dn
            })
        }
    }
}

# Returns the change of an attribute as rows with one value on either side, which ConvertTo-Json shows at its default
# depth. An attribute with several values has a row for each value that is removed or added.
function ConvertTo-AttributeChange {
    param($Attribute)
    $old = @(foreach ($value in $Attribute.old) { if ($null -ne $value) { [string] $value } })
    $new = @(foreach ($value in $Attribute.new) { if ($null -ne $value) { [string] $value } })
    $rows = @(
        if ($old.Count -le 1 -and $new.Count -le 1) { , @($old[0], $new[0]) }
        else {
            foreach ($value in $old) { if ($value -cnotin $new) { , @($value, $null) } }
            foreach ($value in $new) { if ($value -cnotin $old) { , @($null, $value) } }
        }
    )
    foreach ($row in $rows) {
        ConvertTo-TypedObject -TypeName 'GroupWriteback.AttributeChange' -Property ([ordered]@{
            Name = $Attribute.name
            Old  = $row[0]
            New  = $row[1]
        })
    }
}

function ConvertTo-AuditEntry {
    param($Entry)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.AuditEntry' -Property ([ordered]@{
        AuditId          = [string] $Entry.id
        Time             = ConvertTo-LocalTime $Entry.time
        Event            = [string] $Entry.event
        Object           = [string] $Entry.object
        Changes          = @(foreach ($change in $Entry.changes) {
                if ($null -ne $change) {
                    ConvertTo-TypedObject -TypeName 'GroupWriteback.AttributeChange' -Property ([ordered]@{
                        Name = $change.name
                        Old  = $change.old
                        New  = $change.new
                    })
                }
            })
        OmittedChanges   = [int] $Entry.more
        RunId            = [long] $Entry.runId
        ErrorId          = [string] $Entry.errorId
        Message          = [string] $Entry.message
        Account          = [string] $Entry.account
        AccountSid       = [string] $Entry.accountSid
        ComputerName     = [string] $Entry.computer
        Client           = [string] $Entry.client
        From             = [string] $Entry.from
        DirectoryAccount = [string] $Entry.directoryAccount
        ClientId         = [string] $Entry.appId
    })
}

function ConvertTo-Change {
    param($Change)
    $attributes = foreach ($attribute in $Change.attributes) {
        if ($null -ne $attribute) { ConvertTo-AttributeChange -Attribute $attribute }
    }
    # the properties are not called Add and Remove: on an array of changes those would be the methods of the array
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Change' -Property ([ordered]@{
        ChangeId          = [long] $Change.id
        RunId             = [long] $Change.runId
        RunKind           = [string] $Change.runKind
        Action            = $Change.action
        Situation         = $Change.situation
        SourceId          = $Change.sourceId
        TargetGuid        = $Change.targetGuid
        DisplayName       = [string] $Change.displayName
        DistinguishedName = [string] $Change.dn
        Attributes        = @($attributes)
        AddCount          = [int] $Change.addCount
        RemoveCount       = [int] $Change.removeCount
        AddMembers        = @(ConvertTo-MemberReference $Change.add)
        RemoveMembers     = @(ConvertTo-MemberReference $Change.remove)
        Reason            = [string] $Change.reason
        Message           = [string] $Change.message
        Outcome           = $Change.outcome
        ErrorId           = [string] $Change.errorId
    })
}

function ConvertTo-Group {
    param($Group)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Group' -Property ([ordered]@{
        Id                = $Group.id
        DisplayName       = [string] $Group.displayName
        Description       = [string] $Group.description
        Mail              = [string] $Group.mail
        DistinguishedName = [string] $Group.dn
        SamAccountName    = [string] $Group.samAccountName
        Sid               = [string] $Group.sid
        TargetGuid        = $Group.targetGuid
        Situation         = $Group.situation
        Members           = [int] $Group.members
        Unwritten         = [int] $Group.unwritten
        Recipient         = [string] $Group.recipient
        LeftOutAddress    = @(foreach ($address in $Group.leftOutAddresses) { if ($address) { [string] $address } })
        LastAction        = [string] $Group.lastAction
        LastOutcome       = [string] $Group.lastOutcome
        LastMessage       = [string] $Group.lastMessage
        Hold              = ConvertTo-Hold $Group.hold
        Quarantine        = ConvertTo-Quarantine $Group.quarantine
    })
}

function ConvertTo-Hold {
    param($Hold)
    if (-not $Hold) { return }
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Hold' -Property ([ordered]@{
        Reason  = $Hold.reason
        Comment = [string] $Hold.comment
        Account = [string] $Hold.account
        Since   = ConvertTo-LocalTime $Hold.since
        Until   = ConvertTo-LocalTime $Hold.until
    })
}

function ConvertTo-Quarantine {
    param($Quarantine)
    if (-not $Quarantine) { return }
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Quarantine' -Property ([ordered]@{
        Tries   = [int] $Quarantine.tries
        Message = [string] $Quarantine.message
        Since   = ConvertTo-LocalTime $Quarantine.since
        Next    = ConvertTo-LocalTime $Quarantine.next
    })
}

function ConvertTo-Member {
    param($Member, [string] $GroupId, [string] $GroupName)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Member' -Property ([ordered]@{
        GroupId           = $GroupId
        GroupName         = $GroupName
        Id                = $Member.id
        Name              = [string] $Member.name
        Kind              = $Member.kind
        Written           = -not $Member.reason
        Reason            = [string] $Member.reason
        DistinguishedName = [string] $Member.dn
        TargetGuid        = $Member.targetGuid
    })
}

function ConvertTo-Check {
    param($Check)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Check' -Property ([ordered]@{
        Name            = $Check.name
        Result          = $Check.result
        Message         = [string] $Check.message
        Advice          = [string] $Check.advice
        ErrorId         = [string] $Check.errorId
        # for Grant-GroupWritebackPermission
        Account         = [string] $Check.account
        TargetContainer = [string] $Check.targetContainer
    })
}

function ConvertTo-Connection {
    param($Connection)
    if (-not $Connection.source -and -not $Connection.target) { return }
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Connection' -Property ([ordered]@{
        TenantId            = [string] $Connection.source.tenantId
        TenantName          = [string] $Connection.source.tenantName
        ClientId            = [string] $Connection.source.appId
        Environment         = [string] $Connection.source.environment
        TenantCredential    = [string] $Connection.source.credential
        Roles               = @(foreach ($role in $Connection.source.roles) { [string] $role })
        Domain              = [string] $Connection.target.domain
        Server              = [string] $Connection.target.server
        BaseDN              = [string] $Connection.target.baseDn
        Account             = [string] $Connection.target.account
        DirectoryCredential = [string] $Connection.target.credential
        StatePath           = $script:Engine.Info.statePath
    })
}

function ConvertTo-Status {
    param($Overview, $Connection)
    $settings = $Overview.settings
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Status' -Property ([ordered]@{
        Status                       = $Overview.status
        TenantId                     = [string] $settings.tenant.id
        TenantName                   = [string] $settings.tenant.name
        Domain                       = [string] $settings.domain.name
        TargetContainer              = [string] $settings.container.dn
        FurtherContainer             = @(foreach ($further in $settings.furtherContainers) { [string] $further.dn })
        ContainerFilter              = ConvertTo-ContainerTable -Filter $settings.containerFilters
        Groups                       = [int] $Overview.groups
        DisablePending               = [int] $Overview.disablePending
        PendingGroups                = [int] $Overview.pendingGroups
        GroupsOnHold                 = [int] $Overview.groupsOnHold
        QuarantinedGroups            = [int] $Overview.quarantinedGroups
        NextPolicyType               = $Overview.nextPolicyType
        NextPolicyReason             = [string] $Overview.nextPolicyReason
        LastRun                      = if ($Overview.lastRun) { ConvertTo-Run $Overview.lastRun }
        Scope                        = $settings.scope.groups
        GroupId                      = @(foreach ($id in $settings.scope.groupIds) { [string] $id })
        Filter                       = [string] $settings.scope.filter
        IncludeSecurityGroup         = [bool] $settings.scope.includeSecurityGroups
        IncludeHiddenMembership      = [bool] $settings.includeHiddenMembership
        OnPremisesGroupType          = $settings.onPremisesGroupType
        MaximumMemberCount           = [int] $settings.maxMemberCount
        NameFormat                   = $settings.nameFormat
        SamAccountNameFormat         = $settings.samAccountNameFormat
        ExcludeMailAttribute         = [bool] $settings.excludeMailAttribute
        MailRecipient                = if ($settings.excludeMailAttribute) { 'None' } else { $settings.mailRecipient }
        RecipientDisplayType         = $settings.recipientDisplayType
        UpdateAddressList            = [bool] $settings.updateAddressLists
        MarkCloudAuthority           = [bool] $settings.markCloudAuthority
        UpdateManagedBy              = [bool] $settings.updateManagedBy
        AdoptPending                 = [int] $Overview.adoptPending
        ReleasedGroupId              = @(foreach ($group in $settings.releasedGroups) { [string] $group.id })
        TrustedOwner                 = @(foreach ($owner in $settings.trustedOwners) {
            if ($null -ne $owner) { if ($owner.name) { "$($owner.name) ($($owner.sid))" } else { [string] $owner.sid } }
        })
        MovedGroup                   = $settings.movedGroup
        SoftDeletedGroup             = $settings.softDeletedGroup
        OutOfScopeGroup              = $settings.outOfScopeGroup
        DeletionThreshold            = [int] $settings.limits.deletionCount
        DeletionThresholdPercent     = [int] $settings.limits.deletionPercent
        RemovalThresholdPercent      = [int] $settings.limits.removalPercent
        GroupRemovalThresholdPercent = [int] $settings.limits.groupRemovalPercent
        SourceShrinkThresholdPercent = [int] $settings.limits.sourceShrinkPercent
        TargetShrinkThresholdPercent = [int] $settings.limits.targetShrinkPercent
        InitialIntervalDays          = [int] $settings.initialIntervalDays
        ConnectionCount              = [int] $settings.connections
        OutageMinutes                = [int] $settings.outageMinutes
        QuarantineAfter              = [int] $settings.quarantineAfter
        RunHistoryDays               = [int] $settings.runHistoryDays
        StatePath                    = $Overview.statePath
        EngineVersion                = $script:Engine.Info.engineVersion
        LogPath                      = $script:Engine.Log.Path
        Connection                   = $Connection
    })
}

# Returns the container filters as -ContainerFilter takes them, in their order.
function ConvertTo-ContainerTable {
    param($Filter)
    $table = [ordered]@{}
    foreach ($one in $Filter) {
        if ($one) { $table[[string] $one.container] = [string] $one.filter }
    }
    $table
}

# Describes in words which groups are in scope.
function ConvertTo-ScopeText {
    param($Scope)
    $text = switch ($Scope.groups) {
        'WritebackEnabled' { 'the groups that are enabled for writeback' }
        'Selected' { ConvertTo-CountText -Count @($Scope.groupIds).Count -Noun 'selected group' }
        default { 'the Microsoft 365 groups' }
    }
    if ($Scope.groups -eq 'All' -and $Scope.includeSecurityGroups) { $text += ' and the security groups' }
    if ($Scope.filter) { $text += " (where $($Scope.filter))" }
    $text
}

# Describes the counts in words, for the questions that ShouldProcess asks. The noun agrees with the last number.
function ConvertTo-TotalText {
    param($Total)
    $words = [ordered]@{
        Create = 'create'; Adopt = 'adopt'; Update = 'update'; Move = 'move'; Delete = 'DELETE'; Skip = 'skip'
    }
    $parts = @(foreach ($name in $words.Keys) { if ($Total.$name) { "$($words[$name]) $($Total.$name)" } })
    $last = 0
    foreach ($name in $words.Keys) { if ($Total.$name) { $last = $Total.$name } }
    $texts = @(
        if ($parts) { ($parts -join ', ') + $(if ($last -eq 1) { ' group' } else { ' groups' }) }
        if ($Total.UpdateMembers -or $Total.MembersAdded -or $Total.MembersRemoved) {
            $removed = ConvertTo-CountText -Count $Total.MembersRemoved -Noun 'member'
            "add $([int] $Total.MembersAdded) and remove $removed"
        }
    )
    if ($texts) { $texts -join ', ' } else { 'change nothing' }
}
