function Set-GroupWriteback {
    <#
    .SYNOPSIS
        Changes the settings of group writeback.
    .DESCRIPTION
        Changes the settings that are given and leaves the others. Another target
        container is checked as by Enable-GroupWriteback; the next sync then moves
        the groups there. A setting that changes which groups are written, or how,
        makes the next sync Initial.

        What goes beyond a threshold is held back, and everything else written; 0
        switches one off.

        With -WhatIf nothing is saved; for a setting that changes groups, what the
        next sync would do comes out as objects, if both connections are there.
    .PARAMETER TargetContainer
        The distinguished name of the organisational unit that the groups are
        written to. Groups are moved, which the deletion thresholds count as
        well: the next sync of more than five groups holds the moves back, and
        -AllowOnce with its PlanId lets them pass.
    .PARAMETER NameFormat
        The common name of groups: ObjectId or DisplayName.
    .PARAMETER SamAccountNameFormat
        The sAMAccountName of new groups: ObjectId or DisplayName. It is never
        changed afterwards.
    .PARAMETER ExcludeMailAttribute
        Whether no mail attribute is written; -ExcludeMailAttribute:$false
        writes it again.
    .PARAMETER Adopt
        Agree to take over what is there now: groups in the container that
        another tool wrote back, where they stand for a group of this tenant,
        and what groups were in the directory before they were moved to the
        cloud. What turns up later is not taken over. -Adopt:$false takes back
        what was agreed to and is not done yet. -WhatIf lists the objects. Needs
        both connections.
    .PARAMETER AdoptPlan
        In place of -Adopt: agree to exactly what this plan adopts, the PlanId
        of a preview (Get-GroupWritebackRun).
    .PARAMETER AdoptGroup
        Agree to take over these groups as well: objectGUIDs, distinguished
        names, object ids in the tenant or display names. One that was let go of
        is taken back.
    .PARAMETER ReleaseGroup
        Let go of these groups: objectGUIDs, distinguished names, object ids in
        the tenant or display names. The next sync takes our stamp away; from
        then on the groups stay in the directory as they are. They are not
        created a second time, nor taken over again until -AdoptGroup names
        them. Their mark stays: it says which group of the tenant each is. In
        other groups that are written they no longer count as members.
    .PARAMETER TrustedOwner
        Accounts that ran the sync before, by name (CONTOSO\svc-old,
        svc-old@contoso.com) or SID. Groups with our mark and stamp are taken as
        ours after the state was lost only if they belong to the account that
        runs the sync, to one of these or, in the target container, to
        administrators. An empty list, @(), takes away those that are set.
    .PARAMETER MovedGroup
        What is done with a group that somebody moved out of the container: Keep
        or MoveBack.
    .PARAMETER SoftDeletedGroup
        What is done with a group in the tenant's recycle bin: Keep leaves it as
        it is, Remove deletes it from the directory, within the limits.
    .PARAMETER OutOfScopeGroup
        What is done with a group that is in the tenant but no longer written:
        Keep or Remove.
    .PARAMETER Scope
        Which groups are written: All, that is every Microsoft 365 group;
        WritebackEnabled, those that are enabled for writeback in the tenant, be
        it by its default for new groups; or Selected, those given with
        -GroupId.
    .PARAMETER GroupId
        The ids, in the tenant, of the groups to write. Without -Scope they
        stand for -Scope Selected. An empty list, @(), takes away the one that
        is set.
    .PARAMETER Filter
        Only groups for which this holds, for example "displayName -like 'HR-*'
        -and mail -ne ''". Attributes are displayName, description, mail,
        visibility, id and kind (Unified or Security), operators -eq, -ne,
        -like, -notlike, -and, -or and -not, with parentheses; case does not
        matter, * and ? are wildcards of -like, and an attribute without a value
        is ''. An empty text takes away the filter that is set.
    .PARAMETER IncludeSecurityGroup
        Whether the security groups of the tenant that have no mail address are
        written, too; -IncludeSecurityGroup:$false leaves them out again.
    .PARAMETER IncludeHiddenMembership
        Whether to write groups whose membership is hidden in the tenant
        (visibility HiddenMembership), too. Every account of the domain can then
        read who their members are. It takes the permission Member.Read.Hidden
        besides. Without it such a group is left as it is.
    .PARAMETER OnPremisesGroupType
        What Microsoft 365 groups become in the directory:
        UniversalDistributionGroup, UniversalSecurityGroup (without a mail
        address) or UniversalMailEnabledSecurityGroup. Security groups of the
        tenant always become universal security groups.
    .PARAMETER MaximumMemberCount
        A group with more members than this number is skipped, with the reason;
        1 to 1,000,000.
    .PARAMETER DeletionThreshold
        A sync stops when it would delete or move more groups than this number.
    .PARAMETER DeletionThresholdPercent
        A sync stops when it would delete or move more than this part of the
        groups, and more than five.
    .PARAMETER RemovalThresholdPercent
        A sync stops when it would remove more than this part of all
        memberships, and more than twenty.
    .PARAMETER GroupRemovalThresholdPercent
        A sync stops when it would remove more than this part of the members of
        one group of more than twenty.
    .PARAMETER SourceShrinkThresholdPercent
        A sync stops when the tenant has so many groups less than last time, and
        more than five. It always stops when the tenant has none at all.
    .PARAMETER TargetShrinkThresholdPercent
        A sync stops when more than this part of the groups, and more than five,
        is missing in the directory, or would be created anew.
    .PARAMETER InitialIntervalDays
        After how many days without one a sync is Initial by itself: 1 to 30. It
        finds what shows up in no change that the tenant or the directory
        reports.
    .PARAMETER ConnectionCount
        How many changes are written to the directory at a time, each on its own
        connection: 1 to 16.
    .PARAMETER OutageMinutes
        For how many minutes a sync waits for the tenant or the domain
        controller while they cannot be reached: 0 to 1440, usually 10. It says
        so in its progress, with -Verbose and in its log. With 0 it tries for
        half a minute.
    .PARAMETER RunHistoryDays
        For how many days runs and their changes are kept: 1 to 3650.
    .PARAMETER PassThru
        Return the status afterwards.
    .EXAMPLE
        Set-GroupWriteback -DeletionThreshold 50 -DeletionThresholdPercent 5

        Holds back what would delete or move more than 50 groups, or more than 5 %.
    .EXAMPLE
        $groups = Get-MgGroup -Filter "startsWith(displayName,'HR')"
        Set-GroupWriteback -GroupId $groups.Id -WhatIf

        Shows what the next sync would do if only these groups were written.
    .EXAMPLE
        Set-GroupWriteback -Scope All -GroupId @() -Filter ''

        Writes all Microsoft 365 groups again.
    .EXAMPLE
        Set-GroupWriteback -TargetContainer 'OU=M365,DC=contoso,DC=com' -WhatIf

        Shows the moves, and changes nothing.
    .EXAMPLE
        Set-GroupWriteback -WhatIf `
            -AdoptGroup 'CN=Sales,OU=Legacy,DC=contoso,DC=com'

        Shows what taking over this one group would change, members among it.
    .EXAMPLE
        Set-GroupWriteback -ReleaseGroup 'Sales'

        Lets go of the group: the next sync takes our stamp away, and leaves it as
        it is from then on.
    .INPUTS
        None
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change, with -PassThru
        GroupWriteback.Status.
    .LINK
        Get-GroupWriteback
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('GroupWriteback.Change', 'GroupWriteback.Status')]
    param(
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $NameFormat,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $SamAccountNameFormat,

        [switch] $ExcludeMailAttribute,

        [switch] $Adopt,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([AdoptionCompleter])]
        [string] $AdoptPlan,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string[]] $AdoptGroup,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([WrittenGroupCompleter])]
        [string[]] $ReleaseGroup,

        [ValidateNotNull()]
        [ArgumentCompleter([NothingCompleter])]
        [string[]] $TrustedOwner,

        [ValidateSet('Keep', 'MoveBack')]
        [string] $MovedGroup,

        [ValidateSet('Keep', 'Remove')]
        [string] $SoftDeletedGroup,

        [ValidateSet('Keep', 'Remove')]
        [string] $OutOfScopeGroup,

        [ValidateSet('All', 'WritebackEnabled', 'Selected')]
        [string] $Scope,

        [ValidateNotNull()]
        [ArgumentCompleter([GroupIdCompleter])]
        [guid[]] $GroupId,

        [ArgumentCompleter([NothingCompleter])]
        [string] $Filter,

        [switch] $IncludeSecurityGroup,

        [switch] $IncludeHiddenMembership,

        [ValidateSet('UniversalDistributionGroup', 'UniversalSecurityGroup', 'UniversalMailEnabledSecurityGroup')]
        [string] $OnPremisesGroupType,

        [ValidateRange(1, 1000000)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $MaximumMemberCount,

        [ValidateRange(0, 1000000)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $DeletionThreshold,

        [ValidateRange(0, 100)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $DeletionThresholdPercent,

        [ValidateRange(0, 100)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $RemovalThresholdPercent,

        [ValidateRange(0, 100)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $GroupRemovalThresholdPercent,

        [ValidateRange(0, 100)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $SourceShrinkThresholdPercent,

        [ValidateRange(0, 100)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $TargetShrinkThresholdPercent,

        [ValidateRange(1, 30)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $InitialIntervalDays,

        [ValidateRange(1, 16)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $ConnectionCount,

        [ValidateRange(0, 1440)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $OutageMinutes,

        [ValidateRange(1, 3650)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $RunHistoryDays,

        [switch] $PassThru
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $shape = ConvertTo-SettingField -Bound $PSBoundParameters
    $fields = @{}
    foreach ($key in $shape.Keys) { $fields[$key] = $shape[$key] }
    $limits = ConvertTo-LimitField -Bound $PSBoundParameters
    if ($limits.Count) { $fields['limits'] = $limits }
    if ($PSBoundParameters.ContainsKey('InitialIntervalDays')) { $fields['initialIntervalDays'] = $InitialIntervalDays }
    if ($PSBoundParameters.ContainsKey('OutageMinutes')) { $fields['outageMinutes'] = $OutageMinutes }
    if ($PSBoundParameters.ContainsKey('ConnectionCount')) { $fields['connections'] = $ConnectionCount }
    if ($PSBoundParameters.ContainsKey('RunHistoryDays')) { $fields['runHistoryDays'] = $RunHistoryDays }
    if (-not $fields.Count) {
        $problem = @{
            Id       = 'NoSettingGiven'
            Category = 'InvalidArgument'
            Message  = 'No setting was given.'
            Advice   = 'Name at least one, see: Get-Help Set-GroupWriteback -Parameter *'
        }
        $PSCmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
    }

    $text = "Set $(ConvertTo-SettingText -Bound $PSBoundParameters)"
    $plan = $null
    $after = $null
    if (Test-Preview -Simulation $WhatIfPreference -Confirmation $ConfirmPreference -Impact 'Medium') {
        # refuses what cannot be, before anybody is asked
        $call = @{
            Cmdlet    = $PSCmdlet
            Method    = 'settings.set'
            Parameter = ($fields + @{ whatIf = $true })
            Activity  = 'Checking'
        }
        $after = Invoke-Engine @call
        Write-EngineWarning -Warning $after.warnings
        if ($shape.Count -and $after.enabled) {
            $connection = Invoke-Engine -Cmdlet $PSCmdlet -Method 'session.get'
            if ($connection.source -and $connection.target) {
                $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter @{ settings = $fields }
                if (-not $plan) { return }
                $text += "; the next sync would $(ConvertTo-TotalText $plan.Planned)"
            }
            else {
                $hint = 'What the next sync would do can be shown only when the tenant and the directory are connected.'
                Write-Warning -Message (ConvertTo-PlainText -Text $hint)
            }
        }
    }
    $text = ConvertTo-PlainText -Text $text
    # where nobody can be asked this throws, which alone does not end a function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Go on?", 'Set group writeback') }
    catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.Id }
        return
    }
    $fields = Select-ShownAdoption -Fields $fields -Plan $plan
    $saved = Invoke-Engine -Cmdlet $PSCmdlet -Method 'settings.set' -Parameter $fields -Activity 'Saving settings'
    Write-EngineWarning -Warning $saved.warnings -Told $after.warnings
    if ($PassThru) { Get-Status -Cmdlet $PSCmdlet }
}
