# What TAB offers behind a pipe: the members of the types of Output.ps1, as Name or as Name=type where the members of
# that are worth offering. Written down, for making one of each at every import would take as long as the rest of it.
$script:Member = @{
    Change        = @'
ChangeId RunId Action Situation SourceId TargetGuid DisplayName DistinguishedName Attributes
AddCount RemoveCount AddMembers RemoveMembers Reason Message Outcome ErrorId
'@
    Check         = 'Name Result Message Advice ErrorId'
    Connection    = @'
TenantId TenantName ClientId Environment TenantCredential Roles Domain Server BaseDN Account
DirectoryCredential StatePath
'@
    Group         = @'
Id DisplayName Description Mail DistinguishedName SamAccountName TargetGuid Situation Members
Unwritten LastAction LastOutcome LastMessage
'@
    GroupSync     = @'
GroupId DisplayName Status Steps=GroupWriteback.GroupSyncStep Unwritten=GroupWriteback.Member
RunId Run=GroupWriteback.Run
'@
    GroupSyncStep = 'Name Result Message'
    Member        = 'GroupId Id Name Kind Written Reason DistinguishedName TargetGuid'
    Run           = @'
Id Kind PolicyType PolicyReason Status StopReason Started=System.DateTimeOffset
Ended=System.DateTimeOffset Duration=timespan Message Error=GroupWriteback.RunError
Server GroupId GroupName PlanId SourceGroups TargetGroups
LinkedGroups MissingGroups DriftedGroups Planned=GroupWriteback.Total Exported=GroupWriteback.Total
Held=GroupWriteback.Total HeldBy HeldRuns Failed UnknownMembers UnwrittenMembers
'@
    RunError      = 'Id Category Object Message Advice'
    Status        = @'
Status TenantId TenantName Domain TargetContainer Groups DisablePending PendingGroups NextPolicyType
NextPolicyReason LastRun=GroupWriteback.Run Scope GroupId Filter IncludeSecurityGroup
IncludeHiddenMembership OnPremisesGroupType MaximumMemberCount NameFormat SamAccountNameFormat
ExcludeMailAttribute AdoptPending ReleasedGroupId TrustedOwner MovedGroup SoftDeletedGroup
OutOfScopeGroup DeletionThreshold DeletionThresholdPercent RemovalThresholdPercent
GroupRemovalThresholdPercent SourceShrinkThresholdPercent TargetShrinkThresholdPercent
InitialIntervalDays ConnectionCount OutageMinutes RunHistoryDays StatePath EngineVersion LogPath
Connection=GroupWriteback.Connection
'@
    Total         = 'Create Adopt Update Move UpdateMembers Delete Skip MembersAdded MembersRemoved'
}

# A file of types in its place could not be read by two versions of the module in one session.
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
        $type
    }
}
