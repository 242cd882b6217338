# What names a group, for the engine, which alone knows how to find it: a name as it is, and of an object what says most
# surely which group is meant.

$script:GroupProperty = 'GroupId', 'SourceId', 'Id', 'TargetGuid', 'ObjectGuid', 'ObjectId', 'Sid', 'ObjectSid',
    'DistinguishedName', 'SamAccountName', 'Mail', 'DisplayName', 'Name'

# Returns nothing where the object names no group. Before something is written, an object that is not a name itself
# must have an id: what else is called so may be anything.
function Get-GroupIdentity {
    [OutputType([string])]
    param($InputObject, [switch] $ById)
    if ($null -eq $InputObject) { return '' }
    if ($InputObject -is [string] -or $InputObject -is [guid]) { return [string] $InputObject }
    foreach ($name in $script:GroupProperty) {
        $property = $InputObject.PSObject.Properties[$name]
        if ($null -eq $property -or ($ById -and $name -in 'Mail', 'DisplayName', 'Name')) { continue }
        $value = [string] $property.Value
        # the Id of a run is a number
        if ($value -and ($name -ne 'Id' -or $value -notmatch '^\d+$')) { return $value }
    }
    ''
}

# The number of the run that an object is, or is of; nothing where it is of none.
function Get-RunNumber {
    [OutputType([long])]
    param($InputObject)
    if ($null -eq $InputObject -or $InputObject -is [guid]) { return }
    if ($InputObject -is [string] -or $InputObject -is [System.ValueType]) { return $InputObject -as [long] }
    foreach ($name in 'RunId', 'Id') {
        $property = $InputObject.PSObject.Properties[$name]
        if ($null -ne $property -and $property.Value) {
            $number = $property.Value -as [long]
            if ($number) { return $number }
        }
    }
}

# The parameters of a method for a group: the id, or the name as the method calls it.
function ConvertTo-GroupField {
    [OutputType([hashtable])]
    param([string] $Identity, [string] $NameField)
    $guid = $Identity -as [guid]
    if ($guid) { @{ id = $guid.ToString() } } else { @{ $NameField = $Identity } }
}

function Get-GroupUnnamedError {
    param($InputObject)
    $problem = @{
        Id       = 'GroupNotNamed'
        Category = 'InvalidArgument'
        Object   = [string] $InputObject
        Message  = 'The input does not identify a group.'
        Advice   = 'Specify a name, an id, or an object that has one, such as Get-GroupWritebackGroup returns.'
    }
    ConvertTo-ErrorRecord @problem
}
