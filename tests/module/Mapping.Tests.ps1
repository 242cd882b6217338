#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $view = @{ result = @{
        rows = @(
            @{ attribute = 'description'; expression = '[description]'; apply = 'Always'; maxLength = 448 }
            @{ attribute = 'mail'; expression = '[mail]'; apply = 'Always'; on = 'mail'; maxLength = 256 }
            @{ attribute = 'adminDescription'; function = 'mark'; apply = 'Always'; readOnly = $true }
            @{ attribute = 'info'; expression = 'Join(", ", [theme])'; apply = 'OnlyAtCreation'; default = 'x'
                custom = $true }
        )
        properties = @('mail', 'mailNickname', 'theme')
        functions = @('Join', 'Left')
    } }
    $saved = @{ result = (Get-FakeSetting) }
    $sides = @{ result = @{ source = @{ tenantId = 't' }; target = @{ server = 'dc1' } } }
    function Get-Offered {
        param([string] $Line)
        (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches.CompletionText
    }
}

AfterAll { Clear-FakeScript }

Describe 'Get-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    It 'shows each row, and those that are set' {
        Use-FakeScript @{ 'mapping.get' = $view }
        $rows = Get-GroupWritebackMapping
        $rows.Attribute | Should -Be 'description', 'mail', 'adminDescription', 'info'
        $rows[1].On | Should -Be 'mail'
        $rows[2].Function | Should -Be 'mark'
        $rows[2].ReadOnly | Should -BeTrue
        $one = Get-GroupWritebackMapping -Custom
        $one.Attribute, $one.Expression, $one.Apply, $one.DefaultValue |
            Should -Be 'info', 'Join(", ", [theme])', 'OnlyAtCreation', 'x'
        (Get-GroupWritebackMapping desc*).Attribute | Should -Be 'description'
        "$one" | Should -Be 'info: Join(", ", [theme])'
    }

    It 'fits into 80 columns' {
        Use-FakeScript @{ 'mapping.get' = $view }
        $text = Get-GroupWritebackMapping | Out-String -Width 80
        $text -split '\r?\n' | Where-Object -FilterScript { $_.Length -gt 80 } | Should -BeNullOrEmpty
        $text | Should -Match '\(the mark\)'
    }
}

Describe 'Set-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    It 'sends what is given, of the pipeline all at once' {
        Use-FakeScript @{ 'settings.set' = $saved; 'mapping.get' = $view }
        Set-GroupWritebackMapping info '[theme]' -Apply onlyatcreation -DefaultValue none -PassThru |
            ForEach-Object -MemberName Attribute | Should -Be 'info'
        $sent = @((Get-FakeJournal -Method 'settings.set').params.mapping.set)
        $sent.attribute, $sent.expression, $sent.apply, $sent.default |
            Should -Be 'info', '[theme]', 'OnlyAtCreation', 'none'
        Use-FakeScript @{ 'settings.set' = $saved }
        @(
            [pscustomobject] @{ Attribute = 'info'; Expression = '[theme]' }
            [pscustomobject] @{ Attribute = 'url'; Expression = '[mail]' }
        ) | Set-GroupWritebackMapping
        $calls = @(Get-FakeJournal -Method 'settings.set')
        $calls.Count | Should -Be 1
        $calls[0].params.mapping.set.attribute | Should -Be 'info', 'url'
    }

    It 'shows with -WhatIf what the next sync would do, and saves nothing' {
        Use-FakeScript @{
            'settings.set' = $saved
            'session.get' = $sides
            'sync.preview' = @{ result = (Get-FakeRun @{ id = 9; kind = 'Preview' }) }
            'change.list' = @{ result = @{ changes = @(Get-FakeChange @{ action = 'Update' }) } }
        }
        (Set-GroupWritebackMapping info '[theme]' -WhatIf).Action | Should -Be 'Update'
        @((Get-FakeJournal -Method 'settings.set').params.whatIf) | Should -Be $true
        (Get-FakeJournal -Method 'sync.preview').params.settings.mapping.set.expression | Should -Be '[theme]'
    }

    It 'says what is wrong, and where' {
        $problem = @{
            Id       = 'ExpressionInvalid'
            Category = 'InvalidArgument'
            Object   = 'info'
            Message  = 'The expression is wrong at character 1, Lef: there is no function of this name.'
        }
        Use-FakeScript @{ 'settings.set' = (Get-FakeError @problem) }
        { Set-GroupWritebackMapping info 'Lef([mail])' } |
            Should -Throw -ErrorId 'ExpressionInvalid,Set-GroupWritebackMapping' -ExpectedMessage '*character 1*'
    }

    It 'offers attributes, functions and properties' {
        Use-FakeScript @{ 'mapping.get' = $view }
        Get-Offered 'Set-GroupWritebackMapping ' | Should -Be 'description', 'mail', 'info'
        Get-Offered "Set-GroupWritebackMapping info 'Left([mail" | Should -Be "'Left([mail]'", "'Left([mailNickname]'"
        Get-Offered 'Set-GroupWritebackMapping info Jo' | Should -Be "'Join('"
    }
}

Describe 'Remove-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    It 'takes back what comes by pipeline, at once' {
        Use-FakeScript @{ 'settings.set' = $saved; 'mapping.get' = $view }
        Get-GroupWritebackMapping -Custom | Remove-GroupWritebackMapping
        (Get-FakeJournal -Method 'settings.set').params.mapping.remove | Should -Be 'info'
    }
}

Describe 'Test-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    It 'shows each attribute now and then' {
        $values = @(
            @{ attribute = 'info'; expression = '[theme]'; apply = 'Always'; now = @('Red'); then = @('Blue')
                changes = $true; notes = @('It is cut to 5 characters.') }
            @{ attribute = 'url'; apply = 'Always'; now = @(); then = @(); changes = $false; notes = @() }
        )
        $answer = @{ result = @{ id = 'g1'; displayName = 'Sales'; dn = 'CN=Sales'; values = $values } }
        Use-FakeScript @{ 'mapping.test' = $answer }
        $rows = @(Test-GroupWritebackMapping Sales)
        $rows.Attribute | Should -Be 'info', 'url'
        $rows[0].Now, $rows[0].Then, $rows[0].Changes | Should -Be 'Red', 'Blue', $true
        (Get-FakeJournal -Method 'mapping.test').params.group | Should -Be 'Sales'
        $rows | Out-String -Width 80 | Should -Match 'Red\s+Blue'
        @(Test-GroupWritebackMapping Sales -Attribute info -Expression '[theme]').Attribute | Should -Be 'info'
        @(Get-FakeJournal -Method 'mapping.test')[1].params.set.expression | Should -Be '[theme]'
    }
}

Describe 'Import-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $read = @{ result = @{
            entries = @(@{ attribute = 'info'; expression = '[theme]'; apply = 'OnlyAtCreation'; default = 'x' })
            refused = @(@{ attribute = 'member'; expression = '[members]'; reason = 'It is not needed.' })
            notes = @('The scope is not taken over.')
        } }
    }

    It 'sets what can be taken over, and lists the rest' {
        Use-FakeScript @{ 'mapping.read' = $read; 'settings.set' = $saved }
        $rows = Import-GroupWritebackMapping 'TestDrive:/job.json' -WarningVariable said -WarningAction SilentlyContinue
        $rows.Result | Should -Be 'Accepted', 'Refused'
        $rows[1].Reason | Should -Be 'It is not needed.'
        "$said" | Should -Match 'scope'
        [System.IO.Path]::IsPathRooted((Get-FakeJournal -Method 'mapping.read').params.path) | Should -BeTrue
        $sent = (Get-FakeJournal -Method 'settings.set').params.mapping.set
        $sent.attribute, $sent.apply, $sent.default | Should -Be 'info', 'OnlyAtCreation', 'x'
    }

    It 'saves nothing with -WhatIf' {
        Use-FakeScript @{
            'mapping.read' = $read
            'settings.set' = $saved
            'session.get' = $sides
            'sync.preview' = @{ result = (Get-FakeRun @{ id = 9; kind = 'Preview' }) }
        }
        (Import-GroupWritebackMapping job.json -WhatIf -WarningAction SilentlyContinue).Count | Should -Be 2
        @((Get-FakeJournal -Method 'settings.set').params.whatIf) | Should -Be $true
    }
}

Describe 'Export-GroupWritebackMapping' -Skip:(-not $env:FAKE_ENGINE) {
    It 'writes what is set, for Import-GroupWritebackMapping' {
        Use-FakeScript @{ 'mapping.get' = $view }
        $file = Join-Path -Path $TestDrive -ChildPath 'mapping.json'
        Export-GroupWritebackMapping $file
        $text = [System.IO.File]::ReadAllText($file)
        $json = ConvertFrom-Json -InputObject $text
        $json.groupWritebackMapping | Should -Be 1
        @($json.attributes).Count | Should -Be 1
        $json.attributes[0].expression | Should -Be 'Join(", ", [theme])'
        { Export-GroupWritebackMapping $file -NoClobber } |
            Should -Throw -ErrorId 'FileExists,Export-GroupWritebackMapping'
        Export-GroupWritebackMapping (Join-Path -Path $TestDrive -ChildPath 'none.json') -WhatIf
        Test-Path -Path (Join-Path -Path $TestDrive -ChildPath 'none.json') | Should -BeFalse
        { Export-GroupWritebackMapping (Join-Path -Path $TestDrive -ChildPath 'no/such/folder.json') } |
            Should -Throw -ErrorId 'FileNotWritten,Export-GroupWritebackMapping'
    }
}
