# Who else could put something else in the place of a file or folder: others than this account, root or SYSTEM,
# TrustedInstaller and administrators. The engine looks at the folder of the state in the same way; what is here is
# for its own file, which has to be looked at before it is started.

# Says who else could replace, delete or change the file or folder, which has to exist; nothing when nobody can. The
# path is followed from its root through links. Who may only create something beside its parts, as in C:\ or in
# /tmp, can do no harm.
function Get-PathExposure {
    [OutputType([string])]
    param([string] $Path)
    $separators = [char[]] ([System.IO.Path]::DirectorySeparatorChar, [System.IO.Path]::AltDirectorySeparatorChar)
    $at = [System.IO.Path]::GetPathRoot($Path)
    $rest = New-Object -TypeName System.Collections.Generic.List[string]
    $rest.AddRange(
        [string[]] $Path.Substring($at.Length).Split($separators, [System.StringSplitOptions]::RemoveEmptyEntries))
    $found = Get-FileExposure -Item (Get-Item -LiteralPath $at -Force -ErrorAction Stop) -Place Root
    for ($links = 0; -not $found -and $rest.Count; ) {
        $name = $rest[0]
        $rest.RemoveAt(0)
        if ($name -eq '.') { continue }
        if ($name -eq '..') { $at = [string] (Split-Path -Path $at -Parent); continue }
        $next = [System.IO.Path]::Combine($at, $name)
        $item = Get-Item -LiteralPath $next -Force -ErrorAction Stop
        $target = if ($item.LinkType -in 'SymbolicLink', 'Junction') { [string] @($item.Target)[0] }
        $place = if ($target) { 'Link' } elseif ($rest.Count) { 'Above' } else { 'Guarded' }
        $found = Get-FileExposure -Item $item -Place $place
        # a volume that is mounted in a folder goes on there
        if (-not $target -or $target -match '^(\\\\\?\\)?Volume\{') { $at = $next; continue }
        if (++$links -gt 40) { throw "The path '$Path' has too many links." }
        $root = [System.IO.Path]::GetPathRoot($target)
        if ($root) {
            $at = $root
            if (-not $found) {
                $found = Get-FileExposure -Item (Get-Item -LiteralPath $at -Force -ErrorAction Stop) -Place Root
            }
        }
        $rest.InsertRange(
            0,
            [string[]] $target.Substring($root.Length).Split(
                $separators,
                [System.StringSplitOptions]::RemoveEmptyEntries))
    }
    $found
}

# Place says what the file or folder is to what is guarded: that itself (Guarded), a folder above it (Above), a link
# on the way (Link), or the root of the volume (Root).
function Get-FileExposure {
    [OutputType([string])]
    param([System.IO.FileSystemInfo] $Item, [string] $Place)
    if (-not (Test-Windows)) { return Get-UnixExposure -Item $Item -Place $Place }
    $acl = Get-Acl -LiteralPath $Item.FullName -ErrorAction Stop
    $kind = [System.Security.Principal.SecurityIdentifier]
    $inheritOnly = [System.Security.AccessControl.PropagationFlags]::InheritOnly
    $entries = foreach ($rule in $acl.GetAccessRules($true, $true, $kind)) {
        [pscustomobject]@{
            Sid         = $rule.IdentityReference.Value
            Mask        = [int] $rule.FileSystemRights
            Allow       = $rule.AccessControlType -eq [System.Security.AccessControl.AccessControlType]::Allow
            InheritOnly = $rule.PropagationFlags.HasFlag($inheritOnly)
        }
    }
    $own = [System.Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    $sid = Find-Stranger -Owner $acl.GetOwner($kind).Value -Entry $entries -Place $Place -Own $own
    if (-not $sid) { return }
    try {
        $sid = (New-Object -TypeName $kind.FullName -ArgumentList $sid).Translate(
            [System.Security.Principal.NTAccount]).Value
    }
    catch {
        $text = "The account $sid has no name: $($_.Exception.GetBaseException().Message)"
        Write-Debug -Message (ConvertTo-PlainText -Text $text)
    }
    "$sid can change, replace or delete '$($Item.FullName)' or its contents."
}

# The SID of somebody whom the entries allow what would do harm, and who is not trusted. What they deny is not made
# use of.
function Find-Stranger {
    [OutputType([string])]
    param([string] $Owner, [object[]] $Entry, [string] $Place, [string] $Own)
    $trusted = @(
        $Own
        'S-1-5-18', 'S-1-5-32-544', 'S-1-3-0', 'S-1-3-4'
        'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464' # TrustedInstaller
        if ($Own -match '^(S-1-5-21-.+)-\d+$') { foreach ($rid in 500, 512, 519) { "$($Matches[1])-$rid" } }
    )
    if (-not $Owner) { return 'S-1-1-0' } # a file system without permissions: everyone
    if ($Owner -notin $trusted) { return $Owner }
    $harm = 0x100C0000 # all, taking the right to it, taking ownership
    switch ($Place) {
        'Guarded' { $harm = $harm -bor 0x40010046 } # write, append, delete, delete below
        'Above' { $harm = $harm -bor 0x10040 } # delete, delete below
        'Link' { $harm = $harm -bor 0x40010102 } # write, write attributes, delete
        'Root' { $harm = $harm -bor 0x40 } # delete below; itself it cannot be deleted
    }
    foreach ($e in $Entry) {
        if (-not $e.Allow -or ($e.Mask -band $harm) -eq 0 -or ($e.InheritOnly -and $Place -ne 'Guarded')) { continue }
        if ($e.Sid -notin $trusted) { return $e.Sid }
    }
}

function Get-UnixExposure {
    [OutputType([string])]
    param([System.IO.FileSystemInfo] $Item, [string] $Place)
    $stat = $Item.UnixStat
    if (-not $stat) { return } # before PowerShell 7.1
    # Who owns the root owns everything; inside a user namespace that is not root.
    $trusted = @(0, (Get-UserId), (Get-Item -LiteralPath '/').UnixStat.UserId)
    if ($stat.UserId -notin $trusted) { return "'$($Item.FullName)' is owned by another user ($($Item.User))." }
    if ($Place -eq 'Link' -or ($Place -ne 'Guarded' -and $stat.IsSticky)) { return }
    if ($stat.Mode -band 2) { return "Every user can write to '$($Item.FullName)' ($($Item.UnixMode))." }
    if ($stat.Mode -band 16 -and -not (Test-PrivateGroup -Id $stat.GroupId -UserId (Get-UserId))) {
        "The group $($Item.Group) can write to '$($Item.FullName)' ($($Item.UnixMode))."
    }
}

function Get-UserId {
    [OutputType([int])]
    param()
    if ($null -eq $script:UserId) { $script:UserId = [int] (& id -u) }
    $script:UserId
}

# Whether nobody but the user and root is in the group, as in a user's private group.
function Test-PrivateGroup {
    [OutputType([bool])]
    param([int] $Id, [int] $UserId, [string] $GroupPath = '/etc/group', [string] $UserPath = '/etc/passwd')
    if ($Id -eq 0) { return $true }
    $names = @('root', [System.Environment]::UserName)
    foreach ($line in [System.IO.File]::ReadAllLines($UserPath)) {
        $name, $null, $user, $group = $line.Split(':')[0..3]
        if ($user -eq [string] $UserId) { $names += $name }
        elseif ($group -eq [string] $Id -and $user -ne '0') { return $false }
    }
    $known = $false
    foreach ($line in [System.IO.File]::ReadAllLines($GroupPath)) {
        $null, $null, $group, $members = $line.Split(':')[0..3]
        if ($group -ne [string] $Id) { continue }
        $known = $true
        foreach ($member in ([string] $members).Split(',')) {
            if ($member.Trim() -and $member.Trim() -cnotin $names) { return $false }
        }
    }
    # Of a domain's group the members cannot be told with certainty: a private one is named as its user.
    $known -or ((& id -g) -eq [string] $Id -and (& id -gn) -ceq [System.Environment]::UserName)
}
