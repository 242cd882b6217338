#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }

BeforeAll {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    Import-Module -Name (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1') -Force
}

AfterAll { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

Describe 'Text for people' {
    It 'has no U+<Code>' -ForEach @(
        foreach ($code in 0x0, 0x7, 0x9, 0xA, 0xD, 0x1B, 0x7F, 0x85, 0x9B, 0x2028, 0x2029) { @{
            Code = '{0:X4}' -f $code
            Value = $code
            Becomes = ' '
        } }
        $unseen = @(
            0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202E, 0x2060,
            0x2066, 0x2069, 0x206F, 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0x1D173, 0xE0001, 0xE0041, 0xE0100
        )
        foreach ($code in $unseen) {
            @{ Code = '{0:X4}' -f $code; Value = $code; Becomes = '' }
        }
    ) {
        InModuleScope -ModuleName GroupWriteback -Parameters @{ Value = $Value; Becomes = $Becomes } {
            $character = [char]::ConvertFromUtf32($Value)
            # Compare code units, because Should compares by culture, which ignores invisible characters.
            $expected = [int[]] "Pay${Becomes}roll".ToCharArray()
            [int[]] (ConvertTo-PlainText -Text "Pay${character}roll").ToCharArray() | Should -Be $expected
            $escaped = -join ($character.ToCharArray() | ForEach-Object -Process { '\u{0:x4}' -f [int] $_ })
            foreach ($form in $escaped, $escaped.ToUpperInvariant().Replace('U', 'u')) {
                $line = "{`"a`":`"Pay${form}roll`"}"
                [int[]] (ConvertFrom-EngineJson -Line $line).a.ToCharArray() | Should -Be $expected
            }
            $said = @{ Object = "o${character}o"; Message = "m${character}m"; Advice = "a${character}a" }
            $record = ConvertTo-ErrorRecord -Id 'X' -Category 'InvalidData' @said
            "$($record.TargetObject)$($record.Exception.Message)$($record.ErrorDetails.RecommendedAction)" |
                Should -Not -BeLike "*[A-Za-z]$character[A-Za-z]*"
            $record = ConvertTo-ErrorRecord -Id 'X' -Category 'InvalidData' -Message 'm' -Detail "d${character}d"
            $record.Exception.Message |
                Should -BeExactly "m$([System.Environment]::NewLine)d${Becomes}d$([System.Environment]::NewLine)"
        }
    }

    It 'keeps <Name>' -ForEach @(
        @{ Name = 'letters'; Codes = 0x41, 0xDF, 0x416, 0x5D0, 0x633, 0x4E2D, 0xAC00, 0x20, 0xA0 }
        @{ Name = 'Persian'; Codes = 0x645, 0x6CC, 0x200C, 0x62E }
        @{ Name = 'Hindi'; Codes = 0x915, 0x94D, 0x200D, 0x937 }
        @{ Name = 'a family'; Codes = 0x1F468, 0x200D, 0x1F469, 0x1F3FD, 0x200D, 0x1F467 }
        @{ Name = 'a heart on fire'; Codes = 0x2764, 0xFE0F, 0x200D, 0x1F525 }
        @{ Name = 'the flag of England'; Codes = 0x1F3F4, 0xE0067, 0xE0062, 0xE0065, 0xE006E, 0xE0067, 0xE007F }
        @{ Name = 'a keycap'; Codes = 0x31, 0xFE0F, 0x20E3 }
        @{ Name = 'a form of a Han letter'; Codes = 0x845B, 0xE0100, 0x57CE }
    ) {
        InModuleScope -ModuleName GroupWriteback -Parameters @{ Codes = $Codes } {
            $text = -join ($Codes | ForEach-Object -Process { [char]::ConvertFromUtf32($_) })
            ConvertTo-PlainText -Text $text | Should -BeExactly $text
            (ConvertFrom-EngineJson -Line "{`"a`":`"$text`"}").a | Should -BeExactly $text
        }
    }

    It 'takes an escaped backslash for what it is' {
        InModuleScope -ModuleName GroupWriteback {
            (ConvertFrom-EngineJson -Line '{"a":"C:\\new\\u202e","b":"x\\\ny"}').a | Should -BeExactly 'C:\new\u202e'
            (ConvertFrom-EngineJson -Line '{"b":"x\\\ny\r\n\n"}').b | Should -BeExactly 'x\ y  '
        }
    }
}
