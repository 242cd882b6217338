#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

# Runs the first session of README.md as people type it: in other letter case, in another order, with extra blanks, and
# in distant time zones.

BeforeAll { . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1') }

AfterAll { Clear-FakeScript }

Describe 'A first session with the usual slips' -Skip:(-not $env:FAKE_ENGINE) {
    It 'does what is meant, or says what to type, in <Zone>' -ForEach @(
        @{ Zone = 'America/New_York' }
        @{ Zone = 'Asia/Kolkata' }
    ) {
        $now = [datetime]::UtcNow.AddMinutes(-1).ToString('yyyy-MM-ddTHH:mm:ssZ')
        $check = @{ result = @{ settings = (Get-FakeSetting); warnings = @() } }
        $run = Get-FakeRun @{ started = $now; ended = $now }
        $group = @{
            id          = '0a000000-0000-0000-0000-000000000001'
            displayName = 'HR  Payroll'
            situation   = 'Linked'
            unwritten   = 1
        }
        $guest = @{ id = '0b000000-0000-0000-0000-000000000001'; name = 'guest@contoso.com'; reason = 'Guest' }
        Use-FakeScript @{
            'session.connect'  = @{ result = @{ source = @{ tenantId = 't' }; target = @{ server = 'dc1' } } }
            'writeback.test'   = @{ result = @{ checks = @(@{ name = 'Container'; result = 'Passed' }) } }
            'writeback.enable' = $check
            'sync.preview'     = @{ result = (Get-FakeRun @{ id = 9; kind = 'Preview' }) }
            'change.list'      = @{ result = @{ changes = @(Get-FakeChange) } }
            'sync.start'       = @{ result = $run }
            'run.list'         = @{ result = @{ runs = @($run) } }
            'group.list'       = @{ result = @{ groups = @($group) } }
            'group.members'    = @{ result = @{ members = @($guest) } }
        }
        $session = @'
param($Manifest)
function Get-Secret {
    param([string] $Name)
    New-Object -TypeName pscredential -ArgumentList $Name, (
        New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', 'word').SecurePassword
}
function Get-Said {
    param([scriptblock] $Typed)
    try { & $Typed } catch { "$($_.FullyQualifiedErrorId -replace ',.*')" }
}
import-module $Manifest
"first try: $(Get-Said { connect-groupwriteback -tenantid contoso.com -server dc1.contoso.com })"
"a drive: $(Get-Said { connect-groupwriteback -server dc1 -directorycafile HKLM:\ca.pem })"
$app = Get-Secret ' app '
$connection = connect-groupwriteback -server ' dc1.contoso.com' -environment GLOBAL -credential (Get-Secret svc) `
    -authtype basic -clientsecretcredential $app -tenantid 'contoso.com '
"connected: $($connection.Server)"
"checked: $((test-groupwriteback OU=Groups,DC=contoso,DC=com).Result)"
$planned = enable-groupwriteback 'OU=My Groups,DC=contoso,DC=com' -nameformat displayname -scope all -whatif
"planned: $($planned.Action)"
enable-groupwriteback 'OU=My Groups,DC=contoso,DC=com' -nameformat DISPLAYNAME -confirm:$false
"synchronised: $((start-groupwritebacksync initial -confirm:$false).Status)"
"lately: $(@(get-groupwritebackrun | where-object started -gt (get-date).addminutes(-30)).Count)"
"not to come: $(@(get-groupwritebackrun | where-object started -gt (get-date).addminutes(30)).Count)"
"created: $(@(get-groupwritebackchange -runid 7 -action create -outcome DONE).Count)"
$why = get-groupwritebackgroup 'HR  Payroll' | where-object unwritten | get-groupwritebackgroupmember |
    where-object reason
"why: $($why.Name) $($why.Reason)"
'@
        $file = Join-Path -Path $TestDrive -ChildPath 'session.ps1'
        [System.IO.File]::WriteAllText($file, $session)
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        $before = $env:TZ
        $env:TZ = $Zone
        try { $said = @(& (Get-PowerShell) -NoProfile -NonInteractive -File $file -Manifest $manifest 2>&1) }
        finally { [System.Environment]::SetEnvironmentVariable('TZ', $before) }
        $said | Where-Object -FilterScript { $_ -notlike 'What if:*' } | Should -Be @(
            'first try: TenantCredentialMissing'
            'a drive: PathNotInFileSystem'
            'connected: dc1'
            'checked: Passed'
            'planned: Create'
            'synchronised: complete'
            'lately: 1'
            'not to come: 0'
            'created: 1'
            'why: guest@contoso.com guest'
        )
        $sent = (Get-FakeJournal -Method 'session.connect').params
        $sent.source.environment | Should -BeExactly 'Global'
        $sent.source.tenantId | Should -Be 'contoso.com'
        $sent.target.server | Should -Be 'dc1.contoso.com'
        (Get-FakeJournal -Method 'writeback.test').params.targetContainer | Should -Be 'OU=Groups,DC=contoso,DC=com'
        foreach ($enabled in (Get-FakeJournal -Method 'writeback.enable').params) {
            $enabled.nameFormat | Should -BeExactly 'DisplayName'
            $enabled.targetContainer | Should -Be 'OU=My Groups,DC=contoso,DC=com'
        }
        (Get-FakeJournal -Method 'sync.start').params.policyType | Should -BeExactly 'Initial'
        (Get-FakeJournal -Method 'group.list').params.name | Should -BeExactly 'HR  Payroll'
    }
}
