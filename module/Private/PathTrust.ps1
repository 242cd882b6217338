# Finds accounts that could replace a file or folder, other than this account, root, SYSTEM, TrustedInstaller and
# administrators. The engine checks the state folder in the same way. The module checks the file of the engine, because
# that must happen before the engine starts.

# Says who else can replace, delete or change the file or folder, which must exist; returns nothing if nobody can. It
# follows the path from its root through links. An account that may only create something beside the parts of the path,
# as in C:\ or in /tmp, can do no harm.
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
        # a folder that a volume is mounted in is not a link: the path continues below it
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

# Says who else can change the file or folder in a harmful way. Place tells what Item is: the guarded file or folder
# itself (Guarded), a folder above it (Above), a link on the way to it (Link), or the root of the volume (Root).
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

# Returns the SID of an account that is not trusted and that the entries allow to do harm. It ignores deny entries.
function Find-Stranger {
    [OutputType([string])]
    param([string] $Owner, [object[]] $Entry, [string] $Place, [string] $Own)
    $trusted = @(
        $Own
        'S-1-5-18', 'S-1-5-32-544', 'S-1-3-0', 'S-1-3-4'
        'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464' # TrustedInstaller
        if ($Own -match '^(S-1-5-21-.+)-\d+$') { foreach ($rid in 500, 512, 519) { "$($Matches[1])-$rid" } }
    )
    if (-not $Owner) { return 'S-1-1-0' } # the file system has no permissions: everyone
    if ($Owner -notin $trusted) { return $Owner }
    $harm = 0x100C0000 # full access, change permissions, take ownership
    switch ($Place) {
        'Guarded' { $harm = $harm -bor 0x40010046 } # write, append, delete, delete below
        'Above' { $harm = $harm -bor 0x10040 } # delete, delete below
        'Link' { $harm = $harm -bor 0x40010102 } # write, write attributes, delete
        'Root' { $harm = $harm -bor 0x40 } # delete below; the root itself cannot be deleted
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
    if (-not $stat) { return } # UnixStat requires PowerShell 7.1
    # The owner of the root folder owns everything; inside a user namespace that is not root.
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

# Reports whether the group has no members other than the user and root, like a user's private group.
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
    # The members of a domain's group cannot be listed reliably; a private one has the name of its user.
    $known -or ((& id -g) -eq [string] $Id -and (& id -gn) -ceq [System.Environment]::UserName)
}
