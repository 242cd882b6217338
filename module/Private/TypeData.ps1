# The members that TAB offers after a pipe, for the types of Output.ps1: Name, or Name=type if TAB should also offer the
# members of that type. They are listed here, because creating an object of each type would double the time of every
# import.
$script:Member = @{
    AttributeChange = 'Name Old New'
    AuditEntry    = @'
AuditId Time=System.DateTimeOffset Event Object Changes=GroupWriteback.AttributeChange OmittedChanges RunId ErrorId
Message Account AccountSid ComputerName Client From DirectoryAccount ClientId
'@
    Change        = @'
ChangeId RunId RunKind Action Situation SourceId TargetGuid DisplayName DistinguishedName Attributes
AddCount RemoveCount AddMembers RemoveMembers Reason Message Outcome ErrorId
'@
    Check         = 'Name Result Message Advice ErrorId Account TargetContainer'
    Connection    = @'
TenantId TenantName ClientId Environment TenantCredential Roles Domain Server BaseDN Account
DirectoryCredential StatePath
'@
    ExchangeStep  = 'Kind Object Groups Message Command Decide GroupId TargetGuid RunId'
    Group         = @'
Id DisplayName Description Mail DistinguishedName SamAccountName Sid TargetGuid Situation Members
Unwritten Recipient LeftOutAddress LastAction LastOutcome LastMessage Hold=GroupWriteback.Hold
Quarantine=GroupWriteback.Quarantine
'@
    GroupSync     = @'
GroupId DisplayName Status Steps=GroupWriteback.GroupSyncStep Unwritten=GroupWriteback.Member
RunId Run=GroupWriteback.Run
'@
    GroupSyncStep = 'Name Result Message'
    Hold          = 'Reason Comment Account Since=System.DateTimeOffset Until=System.DateTimeOffset'
    GraphPermission = 'State Name Reason'
    Mapping       = 'Attribute Expression Apply DefaultValue Function On MaxLength Custom ReadOnly'
    MappingImport = 'Attribute Result Expression Apply DefaultValue Reason'
    MappingTest   = @'
GroupId DisplayName DistinguishedName Attribute Expression Apply Now Then Changes Notes
'@
    Member        = 'GroupId GroupName Id Name Kind Written Reason DistinguishedName TargetGuid'
    MemberReference = 'Guid DistinguishedName'
    Permission    = 'State Description Along Sddl Account AccountName TargetContainer'
    Quarantine    = 'Tries Message Since=System.DateTimeOffset Next=System.DateTimeOffset'
    RestoredGroup = @'
GroupId DisplayName Way Outcome Members Lost Held DistinguishedName TargetGuid UndoFile ErrorId Message RunId
'@
    Run           = @'
Id Kind PolicyType PolicyReason Status StopReason Started=System.DateTimeOffset
Ended=System.DateTimeOffset Duration=timespan Message Error=GroupWriteback.RunError
Server GroupId GroupName PlanId SourceGroups TargetGroups
LinkedGroups MissingGroups DriftedGroups Planned=GroupWriteback.Total Exported=GroupWriteback.Total
Held=GroupWriteback.Total HeldBy HeldRuns UndoFile Failed UnknownMembers UnwrittenMembers
GroupsOnHold QuarantinedGroups
'@
    RunError      = 'Id Category Object Message Advice'
    Status        = @'
Status TenantId TenantName Domain TargetContainer FurtherContainer
ContainerFilter=System.Collections.Specialized.OrderedDictionary Groups DisablePending PendingGroups
GroupsOnHold QuarantinedGroups NextPolicyType NextPolicyReason LastRun=GroupWriteback.Run Scope
GroupId Filter IncludeSecurityGroup
IncludeHiddenMembership OnPremisesGroupType MaximumMemberCount NameFormat SamAccountNameFormat
ExcludeMailAttribute MailRecipient RecipientDisplayType AdoptPending ReleasedGroupId TrustedOwner
UpdateAddressList MarkCloudAuthority UpdateManagedBy MovedGroup SoftDeletedGroup
OutOfScopeGroup DeletionThreshold DeletionThresholdPercent RemovalThresholdPercent
GroupRemovalThresholdPercent SourceShrinkThresholdPercent TargetShrinkThresholdPercent
InitialIntervalDays ConnectionCount OutageMinutes QuarantineAfter RunHistoryDays StatePath EngineVersion LogPath
Connection=GroupWriteback.Connection
'@
    Total         = 'Create Adopt Update Move UpdateMembers Delete Skip MembersAdded MembersRemoved'
}

# ToString returns the text of an object in a string, a list or truncated JSON, so that @{...} never appears there. The
# View... methods return what the views show. All are methods, because CSV and JSON omit methods. PowerShell runs them
# outside the module, so they cannot call its functions.
$script:Method = @{
    AttributeChange = @{ ToString = { "$($this.Name): $($this.Old) -> $($this.New)" } }
    AuditEntry      = @{
        ToString   = { "$($this.Event) $($this.Object)".Trim() }
        # the first changes, shortened; the list has all of them
        ViewChange = {
            $shown = @($this.Changes)[0..2] | Where-Object -FilterScript { $_ }
            $lines = @(
                $this.ErrorId
                if (-not $shown) { $this.Message }
                foreach ($change in $shown) {
                    $old = $change.Old -replace '^(.{38,39}[^\uD800-\uDBFF]).{4,}$', '$1...'
                    $new = $change.New -replace '^(.{38,39}[^\uD800-\uDBFF]).{4,}$', '$1...'
                    if (-not $old) { "$($change.Name): $new" }
                    elseif (-not $new) { "$($change.Name): removed $old" }
                    else { "$($change.Name): $old -> $new" }
                }
                $more = @($this.Changes).Count - @($shown).Count + $this.OmittedChanges
                if ($more -gt 0) { "and $more more" }
            )
            ($lines | Where-Object -FilterScript { $_ }) -join "`n"
        }
    }
    MemberReference = @{
        ToString = { if ($this.DistinguishedName) { $this.DistinguishedName } else { "$($this.Guid)" } }
    }
    Change          = @{
        ToString = { "$($this.Action) $($this.DisplayName)" }
        # removes the middle of a DN that is too long
        ViewName = {
            if ($this.DisplayName) { return $this.DisplayName }
            $this.DistinguishedName -replace '^(.{29}[^\uD800-\uDBFF]).{12,}([^\uDC00-\uDFFF].{14})$', '$1...$2'
        }
    }
    Group           = @{
        ToString = { $this.DisplayName }
        ViewLast = {
            if ($this.Hold) { return "On hold ($($this.Hold.Reason))" }
            $last = (@($this.LastAction, $this.LastOutcome) | Where-Object -FilterScript { $_ }) -join ' '
            if ($this.Quarantine) { "$last (quarantined)" } else { $last }
        }
        ViewName = {
            if ($this.DisplayName) { return $this.DisplayName }
            $this.DistinguishedName -replace '^(.{29}[^\uD800-\uDBFF]).{12,}([^\uDC00-\uDFFF].{14})$', '$1...$2'
        }
    }
    Hold            = @{
        ToString = {
            $text = "$($this.Reason) since $($this.Since.ToString('g'))"
            if ($this.Until) { $text += " until $($this.Until.ToString('g'))" }
            if ($this.Account) { $text += " by $($this.Account)" }
            if ($this.Comment) { $text += ": $($this.Comment)" }
            $text
        }
    }
    Quarantine      = @{
        ToString = {
            "Failed $($this.Tries) times, next try $($this.Next.ToString('g')): $($this.Message)"
        }
    }
    GroupSync       = @{ ToString = { "$($this.DisplayName): $($this.Status)" } }
    GroupSyncStep   = @{ ToString = { "$($this.Name): $($this.Result)" } }
    Mapping         = @{ ToString = { "$($this.Attribute): $($this.Expression)$($this.Function)" } }
    MappingImport   = @{ ToString = { "$($this.Attribute): $($this.Result)" } }
    MappingTest     = @{ ToString = { "$($this.Attribute): $($this.Now) -> $($this.Then)" } }
    Member          = @{ ToString = { if ($this.Name) { $this.Name } else { "$($this.Id)" } } }
    Run             = @{
        ToString   = { "Run $($this.Id): $($this.Kind) $($this.Status)" }
        # the outcome; a stop reason too long for a narrow column is split into words, or the message replaces it
        ViewResult = {
            $reason = $this.StopReason
            $lines = @(
                if ($this.GroupName) { $this.GroupName } else { $this.GroupId }
                if ($this.HeldBy) { "held back: $($this.Held.ToString())" }
                if (-not $reason) { $this.Message }
                elseif ($reason.Length -le 22) { $reason }
                elseif ($reason -clike 'Stopped*') { $reason -creplace '^(Stopped)([A-Z][a-z]+)', "`$1 `$2`n" }
                elseif ($this.Message) { $this.Message }
                elseif ($this.Error) { $this.Error.Message }
            )
            ($lines | Where-Object -FilterScript { $_ }) -join "`n"
        }
    }
    RunError        = @{ ToString = { "$($this.Id): $($this.Message)" } }
    Total           = @{
        ToString = {
            $parts = @(
                foreach ($name in 'Create', 'Adopt', 'Update', 'Move') {
                    if ($this.$name) { "$($this.$name) $($name.ToLowerInvariant())" }
                }
                if ($this.UpdateMembers -eq 1) { '1 member list' }
                elseif ($this.UpdateMembers) { "$($this.UpdateMembers) member lists" }
                foreach ($name in 'Delete', 'Skip') {
                    if ($this.$name) { "$($this.$name) $($name.ToLowerInvariant())" }
                }
            )
            $text = $parts -join ', '
            if (-not $this.MembersAdded -and -not $this.MembersRemoved) { return $text }
            "$text (+$($this.MembersAdded) -$($this.MembersRemoved))".Trim()
        }
    }
    Connection      = @{
        ToString = { (@($this.TenantName, $this.Server) | Where-Object -FilterScript { $_ }) -join ', ' }
    }
    ExchangeStep    = @{ ToString = { "$($this.Kind): $($this.Object)" } }
    Check           = @{ ToString = { "$($this.Name): $($this.Result)" } }
    GraphPermission = @{ ToString = { $this.Name } }
    RestoredGroup   = @{
        ToString = { "$($this.DisplayName): $(if ($this.Way) { $this.Way } else { 'not restored' })" }
    }
    Permission      = @{ ToString = { "$($this.State): $($this.Description)" } }
}

# Returns the type data of the module. Two versions of the module in one session could not both load a types file.
function Get-TypeData {
    [OutputType([System.Management.Automation.Runspaces.TypeData])]
    param()
    foreach ($kind in $script:Member.Keys) {
        $type = [System.Management.Automation.Runspaces.TypeData]::new("GroupWriteback.$kind")
        foreach ($member in $script:Member[$kind] -split '\s+') {
            $name, $of = $member -split '='
            $type.Members[$name] = if ($of) {
                $typed = [scriptblock]::Create("[OutputType('$of')] param()")
                [System.Management.Automation.Runspaces.ScriptPropertyData]::new($name, $typed)
            }
            else { [System.Management.Automation.Runspaces.NotePropertyData]::new($name, '') }
        }
        $methods = $script:Method[$kind]
        if ($methods) {
            foreach ($name in $methods.Keys) {
                $type.Members[$name] = [System.Management.Automation.Runspaces.ScriptMethodData]::new(
                    $name, $methods[$name])
            }
        }
        $type
    }
}
