function Set-GroupWriteback {
    <#
    .SYNOPSIS
        Changes the settings of group writeback.
    .DESCRIPTION
        Changes the specified settings and keeps the others. A new target container
        is checked as Enable-GroupWriteback does, and the next sync moves the groups
        there. A setting that affects which groups are written, or how, makes the
        next sync Initial.

        Changes that exceed a threshold are held back; everything else is written.
        The value 0 disables a threshold.

        With -WhatIf, saves nothing. For a setting that affects groups, returns the
        changes that the next sync would make, if the tenant and Active Directory
        are connected.
    .PARAMETER TargetContainer
        The distinguished name of the organisational unit to write the groups
        to. The next sync moves the groups. Moves count towards the deletion
        thresholds: with more than five groups, the next sync holds the moves
        back, and -AllowOnce with its PlanId releases them.
    .PARAMETER ContainerFilter
        Which groups belong in other containers than the target container: a
        table of organisational units, by distinguished name, each with a filter
        as for -Filter. The first filter that holds for a group decides, so use
        [ordered]@{...} for more than one. An empty table, @{}, removes it.

        A group that belongs in another container is moved with the next sync,
        which counts as for -TargetContainer; one that an administrator moved
        stays. Instead, a mapping of parentDistinguishedName can give the
        container by an expression: Set-GroupWritebackMapping.
    .PARAMETER NameFormat
        The common name of groups: ObjectId or DisplayName.
    .PARAMETER SamAccountNameFormat
        The sAMAccountName of new groups: ObjectId or DisplayName. It is never
        changed afterwards.
    .PARAMETER ExcludeMailAttribute
        Do not write mail attributes. -ExcludeMailAttribute:$false writes them
        again.
    .PARAMETER MailRecipient
        What a written group is to Exchange on-premises: Remote, a recipient
        whose mail goes to the tenant; MailOnly, the mail attribute alone; or
        None, the same as -ExcludeMailAttribute. Leaving Remote removes exactly
        what was written.
    .PARAMETER RecipientDisplayType
        Which msExchRecipientDisplayType a recipient gets: None,
        DistributionGroup, GroupMailbox or SyncedDistributionGroup.
    .PARAMETER UpdateAddressList
        Put recipients in the address lists of Exchange whose filter they meet
        (showInAddressBook), take them out of the others, and give them a
        legacyExchangeDN, in place of Update-Recipient. An address list with a
        filter that is not understood leaves them as they are. Not yet tried on
        a real Exchange.
    .PARAMETER MarkCloudAuthority
        Mark the written groups as the cloud's (msDS-ObjectSoa), so that domain
        controllers can refuse changes by accounts that are not on the list of
        their policy. Without it, the marks that were written are removed.
        Put the service account on the list first: Test-GroupWriteback. Not yet
        tried on Windows.
    .PARAMETER UpdateManagedBy
        Write the owners who have an account to managedBy, which holds one of
        them, and where Exchange's schema is there the others to
        msExchCoManagedByLink. An owner who is in managedBy already stays there.
        Without it, what was written is removed. In Exchange, whoever manages a
        group may change it. A run reads the owners of each group that changed
        in the tenant, which a change of its owners is, and an Initial run
        those of all groups. Not yet tried on a real Exchange.
    .PARAMETER Adopt
        Agree to adopt the objects that exist now: groups in the container that
        another tool wrote back and that belong to a group of this tenant, and
        the former objects of groups that were moved from Active Directory to
        the cloud. Objects that appear later are not adopted. -Adopt:$false
        withdraws the agreement for objects that are not yet adopted. -WhatIf
        lists the objects. Requires both connections.
    .PARAMETER AdoptPlan
        The PlanId of a preview (Get-GroupWritebackRun). Agrees to adopt exactly
        the groups that this plan adopts. Use it instead of -Adopt.
    .PARAMETER AdoptGroup
        Also agree to adopt these groups, given as objectGUIDs, distinguished
        names, object ids in the tenant or display names. A released group is
        taken back.
    .PARAMETER ReleaseGroup
        Release these groups, given as objectGUIDs, distinguished names, object
        ids in the tenant or display names. The next sync removes our stamp, and
        from then on the groups stay in Active Directory unchanged. They are not
        created again, and are adopted again only with -AdoptGroup. They keep
        their mark, which identifies their group in the tenant. They no longer
        count as members of other written groups.
    .PARAMETER TrustedOwner
        Accounts that ran the sync before, by name (CONTOSO\svc-old,
        svc-old@contoso.com) or SID. If the state is lost, groups with our mark
        and stamp count as ours only if their owner is the account that runs the
        sync, one of these accounts or, in the target container, an
        administrator. An empty list, @(), removes the configured accounts.
    .PARAMETER MovedGroup
        What to do with a group that somebody moved out of the container: Keep
        or MoveBack.
    .PARAMETER SoftDeletedGroup
        What to do with a group in the tenant's recycle bin: Keep leaves it
        unchanged, Remove deletes it from Active Directory, within the limits.
    .PARAMETER OutOfScopeGroup
        What to do with a group that still exists in the tenant but is no longer
        in scope: Keep or Remove.
    .PARAMETER Scope
        Which groups to write: All Microsoft 365 groups; WritebackEnabled, those
        that are enabled for writeback in the tenant, individually or by its
        default for new groups; or Selected, those that -GroupId specifies.
    .PARAMETER GroupId
        The ids, in the tenant, of the groups to write. Implies -Scope Selected
        unless you specify -Scope. An empty list, @(), removes the configured
        list.
    .PARAMETER Filter
        Write only groups that match this filter, for example "displayName -like
        'HR-*' -and mail -ne ''". The attributes are displayName, description,
        mail, visibility, id and kind (Unified or Security). The operators are
        -eq, -ne, -like, -notlike, -and, -or and -not, with parentheses.
        Comparisons ignore case, * and ? are wildcards of -like, and an
        attribute without a value equals ''. An empty string removes the
        configured filter.
    .PARAMETER IncludeSecurityGroup
        Also write the tenant's security groups that have no mail address.
        -IncludeSecurityGroup:$false excludes them again.
    .PARAMETER IncludeHiddenMembership
        Also write groups whose membership is hidden in the tenant (visibility
        HiddenMembership). Every account of the domain can then read their
        members. Requires the permission Member.Read.Hidden; without it, such a
        group is left unchanged.
    .PARAMETER OnPremisesGroupType
        The type of Microsoft 365 groups in Active Directory:
        UniversalDistributionGroup, UniversalSecurityGroup (without a mail
        address) or UniversalMailEnabledSecurityGroup. The tenant's security
        groups always become universal security groups.
    .PARAMETER MaximumMemberCount
        Skip groups with more members than this number, and report the reason: 1
        to 1,000,000.
    .PARAMETER DeletionThreshold
        Hold deletions and moves back if a sync would delete or move more than
        this number of groups.
    .PARAMETER DeletionThresholdPercent
        Hold deletions and moves back if a sync would delete or move more than
        this percentage of the groups, and more than five.
    .PARAMETER RemovalThresholdPercent
        Hold removals back, those of the groups that lose most, if a sync would
        remove more than this percentage of all memberships, and more than
        twenty.
    .PARAMETER GroupRemovalThresholdPercent
        Hold the removals from a group back if a sync would remove more than
        this percentage of its members, and the group has more than twenty.
    .PARAMETER SourceShrinkThresholdPercent
        Hold back what follows from missing groups if the tenant has fewer
        groups than last time by this percentage, and by more than five. A sync
        always stops if the tenant has no groups at all.
    .PARAMETER TargetShrinkThresholdPercent
        Hold back what follows from missing objects if more than this percentage
        of the groups, and more than five, are missing in Active Directory or
        would be created again.
    .PARAMETER InitialIntervalDays
        The number of days after which a sync is Initial again: 1 to 30. An
        Initial sync finds changes that neither the tenant nor Active Directory
        reports.
    .PARAMETER ConnectionCount
        The number of changes that are written to Active Directory at the same
        time, each on its own connection: 1 to 16.
    .PARAMETER OutageMinutes
        The number of minutes that a sync waits while the tenant or the domain
        controller cannot be reached: 0 to 1440 (default 10). Waiting is shown
        in the progress bar, with -Verbose and in the log. With 0, the sync
        tries for half a minute.
    .PARAMETER QuarantineAfter
        The number of syncs in a row in which a group must fail to be
        quarantined: from then on it is tried again at growing intervals, and
        when something changes it. 0 to 1000 (default 10). With 0, each sync
        tries it.
    .PARAMETER RunHistoryDays
        The number of days to keep runs and their changes: 1 to 3650.
    .PARAMETER PassThru
        Return the status afterwards.
    .EXAMPLE
        Set-GroupWriteback -DeletionThreshold 50 -DeletionThresholdPercent 5

        Holds back deletions and moves of more than 50 groups, or more than 5 %.
    .EXAMPLE
        $groups = Get-MgGroup -Filter "startsWith(displayName,'HR')"
        Set-GroupWriteback -GroupId $groups.Id -WhatIf

        Shows what the next sync would do if only these groups were written.
    .EXAMPLE
        Set-GroupWriteback -Scope All -GroupId @() -Filter ''

        Writes all Microsoft 365 groups again.
    .EXAMPLE
        Set-GroupWriteback -TargetContainer 'OU=M365,DC=contoso,DC=com' -WhatIf

        Shows the moves without changing anything.
    .EXAMPLE
        Set-GroupWriteback -WhatIf -ContainerFilter ([ordered]@{
            'OU=Sales,DC=contoso,DC=com' = "displayName -like 'Sales*'"
            'OU=Public,DC=contoso,DC=com' = "visibility -eq 'Public'"
        })

        Shows which groups would move to these two organisational units.
    .EXAMPLE
        Set-GroupWriteback -WhatIf `
            -AdoptGroup 'CN=Sales,OU=Legacy,DC=contoso,DC=com'

        Shows what adopting this one group would change, including its members.
    .EXAMPLE
        Set-GroupWriteback -ReleaseGroup 'Sales'

        Releases the group: the next sync removes our stamp and leaves the group
        unchanged from then on.
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

        [ValidateNotNull()]
        [ArgumentCompleter([NothingCompleter])]
        [System.Collections.IDictionary] $ContainerFilter,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $NameFormat,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $SamAccountNameFormat,

        [switch] $ExcludeMailAttribute,

        [ValidateSet('Remote', 'MailOnly', 'None')]
        [string] $MailRecipient,

        [ValidateSet('None', 'DistributionGroup', 'GroupMailbox', 'SyncedDistributionGroup')]
        [string] $RecipientDisplayType,

        [switch] $UpdateAddressList,

        [switch] $MarkCloudAuthority,

        [switch] $UpdateManagedBy,

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

        [ValidateRange(0, 1000)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $QuarantineAfter,

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
    if ($PSBoundParameters.ContainsKey('QuarantineAfter')) { $fields['quarantineAfter'] = $QuarantineAfter }
    if ($PSBoundParameters.ContainsKey('ConnectionCount')) { $fields['connections'] = $ConnectionCount }
    if ($PSBoundParameters.ContainsKey('RunHistoryDays')) { $fields['runHistoryDays'] = $RunHistoryDays }
    if (-not $fields.Count) {
        $problem = @{
            Id       = 'NoSettingGiven'
            Category = 'InvalidArgument'
            Message  = 'No setting was specified.'
            Advice   = 'Specify at least one, see: Get-Help Set-GroupWriteback -Parameter *'
        }
        $PSCmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
    }

    $text = "Set $(ConvertTo-SettingText -Bound $PSBoundParameters)"
    $plan = $null
    $after = $null
    if (Test-Preview -Simulation $WhatIfPreference -Confirmation $ConfirmPreference -Impact 'Medium') {
        # the engine rejects invalid settings here, before anybody is asked
        $call = @{
            Cmdlet    = $PSCmdlet
            Method    = 'settings.set'
            Parameter = ($fields + @{ whatIf = $true })
            Activity  = 'Checking'
        }
        $after = Invoke-Engine @call
        Write-EngineWarning -Warning $after.warnings
        if ($shape.Count -and $after.enabled -and (Test-PlanConnection -Cmdlet $PSCmdlet)) {
            $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter @{ settings = $fields }
            if (-not $plan) { return }
            $text += "; the next sync would $(ConvertTo-TotalText $plan.Planned)"
        }
    }
    $text = ConvertTo-PlainText -Text $text
    # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Set group writeback') }
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
