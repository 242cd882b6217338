function Enable-GroupWriteback {
    <#
    .SYNOPSIS
        Turns group writeback on.
    .DESCRIPTION
        Checks that the container exists, that the account can create groups there,
        that the forest has the Exchange schema and that nobody else writes groups
        back to the container. Then saves the settings; if a check fails, nothing is
        saved. The next sync imports and synchronises everything (policy type
        Initial).

        With -WhatIf, saves nothing and returns the changes that the first sync
        would make.

        Requires connections to the tenant and to Active Directory.
    .PARAMETER TargetContainer
        The distinguished name of the organisational unit to write the groups
        to. The default is the configured one.
    .PARAMETER ContainerFilter
        Which groups belong in other containers than the target container: a
        table of organisational units, by distinguished name, each with a filter
        as for Set-GroupWriteback -Filter. The first filter that holds for a
        group decides, so use [ordered]@{...} for more than one. An empty table,
        @{}, removes it.
    .PARAMETER NameFormat
        The common name of new groups: ObjectId (Group_<id>, default) or
        DisplayName (the display name followed by the last twelve digits of the
        id).
    .PARAMETER SamAccountNameFormat
        The sAMAccountName of new groups: ObjectId (default) or DisplayName.
    .PARAMETER ExcludeMailAttribute
        Do not write mail attributes. Required for a forest without Exchange.
    .PARAMETER MailRecipient
        What a written group is to Exchange on-premises. Remote: a recipient
        that is in the address lists and whose mail Exchange redirects to the
        tenant, which delivers it to all members. A group that cannot be a whole
        one keeps its mail attribute alone, and the plan says why. MailOnly: the
        mail attribute alone. None is the same as -ExcludeMailAttribute. Without
        this parameter a new installation gets Remote where a server of Exchange
        knows such groups (2013 CU11 or 2016 CU1 at least), MailOnly otherwise.

        Whether people outside may send to a group, and whether it is hidden
        from the address lists, the tenant tells of single groups only: it is
        read with each other change of the group, and of all groups by an
        Initial sync. Where it may not be read, a new recipient requires
        authentication and is hidden.
    .PARAMETER RecipientDisplayType
        Which msExchRecipientDisplayType a recipient gets: None (default),
        DistributionGroup (1), GroupMailbox (17) or SyncedDistributionGroup
        (-2147483391). Nobody has documented which one Microsoft's own writeback
        writes.
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
        Continue although the container has groups that another tool, such as
        Entra Connect, wrote back, and agree to adopt the objects that exist
        now: those that belong to a group of this tenant, and the former objects
        of groups that were moved from Active Directory to the cloud. Objects
        that appear later are not adopted. -WhatIf lists the objects.
    .PARAMETER AdoptPlan
        The PlanId of a preview (Get-GroupWritebackRun). Agrees to adopt exactly
        the groups that this plan adopts. Use it instead of -Adopt.
    .PARAMETER AdoptGroup
        Also agree to adopt these groups, given as objectGUIDs, distinguished
        names, object ids in the tenant or display names. A released group is
        taken back.
    .PARAMETER TrustedOwner
        Accounts that ran the sync before, by name (CONTOSO\svc-old,
        svc-old@contoso.com) or SID. If the state is lost, groups with our mark
        and stamp count as ours only if their owner is the account that runs the
        sync, one of these accounts or, in the target container, an
        administrator. An empty list, @(), removes the configured accounts.
    .PARAMETER MovedGroup
        What to do with a group that somebody moved out of the container: Keep
        (default) leaves it there and keeps it up to date, MoveBack moves it
        back.
    .PARAMETER SoftDeletedGroup
        What to do with a group in the tenant's recycle bin: Keep (default)
        leaves it unchanged until it is restored or permanently deleted, Remove
        deletes it from Active Directory, within the limits.
    .PARAMETER OutOfScopeGroup
        What to do with a group that still exists in the tenant but is no longer
        in scope: Keep (default) or Remove.
    .PARAMETER Scope
        Which groups to write: All (default) Microsoft 365 groups;
        WritebackEnabled, those that are enabled for writeback in the tenant,
        individually or by its default for new groups; or Selected, those that
        -GroupId specifies.
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
    .PARAMETER IncludeHiddenMembership
        Also write groups whose membership is hidden in the tenant (visibility
        HiddenMembership). Every account of the domain can then read their
        members. Requires the permission Member.Read.Hidden; without it, such a
        group is left unchanged.
    .PARAMETER OnPremisesGroupType
        The type of Microsoft 365 groups in Active Directory:
        UniversalDistributionGroup (default), UniversalSecurityGroup (without a
        mail address) or UniversalMailEnabledSecurityGroup. The tenant's
        security groups always become universal security groups.
    .PARAMETER MaximumMemberCount
        Skip groups with more members than this number, and report the reason: 1
        to 1,000,000 (default 50,000).
    .PARAMETER StartSync
        Run the first sync immediately.
    .PARAMETER PassThru
        Return the status afterwards.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' -WhatIf

        Shows what would be written, and writes nothing.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' `
            -NameFormat DisplayName -StartSync

        Turns group writeback on and runs the first sync.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' `
            -Filter "displayName -like 'HR-*'" -WhatIf

        Shows what would be written if the scope had this filter.
    .INPUTS
        None
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change, with -StartSync
        GroupWriteback.Run, with -PassThru GroupWriteback.Status.
    .LINK
        Disable-GroupWriteback
    .LINK
        Start-GroupWritebackSync
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.Change', 'GroupWriteback.Run', 'GroupWriteback.Status')]
    param(
        [Parameter(Position = 0)]
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

        [switch] $StartSync,

        [switch] $PassThru
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $fields = ConvertTo-SettingField -Bound $PSBoundParameters
    $call = @{
        Cmdlet    = $PSCmdlet
        Method    = 'writeback.enable'
        Parameter = ($fields + @{ whatIf = $true })
        Activity  = 'Checking'
    }
    $check = Invoke-Engine @call
    Write-EngineWarning -Warning $check.warnings

    $settings = $check.settings
    $text = "Write $(ConvertTo-ScopeText $settings.scope) of tenant $($settings.tenant.name) " +
        "($($settings.tenant.id)) to $($settings.container.dn) in the domain $($settings.domain.name)"
    $text += ". It currently has $(ConvertTo-CountText -Count $check.ownGroups -Noun 'group') of ours and " +
        "$([int] $check.foreignGroups) of others"
    if ($check.adoptPending) {
        $text += "; to be adopted: $(ConvertTo-CountText -Count $check.adoptPending -Noun 'object')"
    }
    $plan = $null
    if ($WhatIfPreference -or
        ($StartSync -and (Test-Preview -Simulation $false -Confirmation $ConfirmPreference -Impact 'Medium'))) {
        $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter @{ enable = $fields }
        if (-not $plan) { return }
        $text += "; the first sync would $(ConvertTo-TotalText $plan.Planned)"
    }
    $text = ConvertTo-PlainText -Text $text
    # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Enable group writeback') }
    catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.Id }
        return
    }
    $fields = Select-ShownAdoption -Fields $fields -Plan $plan
    [void] (Invoke-Engine -Cmdlet $PSCmdlet -Method 'writeback.enable' -Parameter $fields -Activity 'Enabling')
    if ($StartSync) { Invoke-Sync -Cmdlet $PSCmdlet }
    if ($PassThru) { Get-Status -Cmdlet $PSCmdlet }
}
