# The engine sends text that is safe for a console. Text that the module itself reads is made safe here: control
# characters and line ends become blanks, and invisible characters are removed, except joiners and selectors that
# letters and emoji need.

$script:ControlCharacter = [regex] '\r\n|[\u0000-\u001F\u007F-\u009F\u2028\u2029]'
$script:HiddenCharacter = [regex] (@(
        '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F]'
        '[\u3164\uFE00-\uFE0D\uFEFF\uFFA0\uFFF0-\uFFFB]'
        '(?<![\u1800-\u18AF])[\u180B-\u180D\u180F]'
        '(?<![\p{Mn}\p{Mc}\u0620-\u08FF\u1800-\u18AF\uA840-\uA87F\uDC00-\uDFFF])\u200C'
        '(?<![\p{Mn}\p{Mc}\p{So}\p{Sm}\u00A9\u00AE\u203C\u2049\u3030\uDC00-\uDFFF])\u200D'
        '(?<![\p{So}\p{Sm}0-9#*\u00A9\u00AE\u203C\u2049\u3030\uDC00-\uDFFF])[\uFE0E\uFE0F]'
        '\uD82F[\uDCA0-\uDCA3]|\uD834[\uDD73-\uDD7A]'
        '(?<!\uD83C\uDFF4(?:\uDB40[\uDC00-\uDC7F])*)\uDB40[\uDC00-\uDC7F]'
        '(?<![\u3400-\u9FFF\uF900-\uFAFF\uDC00-\uDFFF])\uDB40[\uDD00-\uDDEF]'
        '\uDB40[\uDC80-\uDCFF\uDDF0-\uDFFF]|[\uDB41-\uDB43][\uDC00-\uDFFF]'
    ) -join '|')

# The same characters as JSON may escape them; the backslash must not itself be escaped.
$script:EscapedControl = [regex] ('(?<!\\)((?:\\\\)*)\\' +
    '(?:r\\n|[bfnrt]|u(?:00[01][0-9A-Fa-f]|007[Ff]|00[89][0-9A-Fa-f]|202[89]))')
$script:EscapedHidden = [regex] ('(?<!\\)((?:\\\\)*)\\u' +
    '(?i:00AD|034F|061C|115F|1160|17B[45]|180[B-F]|200[B-F]|202[A-E]|206[0-9A-F]|3164|' +
    'FE0[0-9A-F]|FEFF|FFA0|FFF[0-9AB]|D82F\\uDCA[0-3]|D834\\uDD7[3-9A]|DB4[0-3]\\uD[C-F][0-9A-F]{2})')

function ConvertTo-PlainText {
    param([string] $Text)
    $script:HiddenCharacter.Replace($script:ControlCharacter.Replace($Text, ' '), '')
}

function ConvertTo-PlainJson {
    param([string] $Line)
    $Line = ConvertTo-PlainText -Text $Line
    # Contains compares characters. IndexOf would compare by culture, which takes minutes for a long line.
    if (-not $Line.Contains('\')) { return $Line }
    $script:EscapedHidden.Replace($script:EscapedControl.Replace($Line, '$1 '), '$1')
}
