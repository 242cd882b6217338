# Returns a number with its noun: 1 group, 2 groups.
function ConvertTo-CountText {
    [OutputType([string])]
    param([int] $Count, [string] $Noun)
    if ($Count -eq 1) { "1 $Noun" } else { "$Count ${Noun}s" }
}
