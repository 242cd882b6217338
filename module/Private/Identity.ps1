# Finds the text that names a group to the engine, which alone can find the group: a name as it is, or of an object the
# property that identifies the group most reliably.

$script:GroupProperty = 'GroupId', 'SourceId', 'Id', 'TargetGuid', 'ObjectGuid', 'ObjectId', 'Sid', 'ObjectSid',
    'DistinguishedName', 'SamAccountName', 'Mail', 'DisplayName', 'Name'

# Returns the text that names the group, or an empty string if the object names none. With -ById, for commands that
# write, an object that is not itself a name must have an identifier: its Mail, DisplayName or Name may be that of
# anything.
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

# Returns the number of the run that the object is or belongs to, or nothing if there is none.
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

# Returns the parameter of a method that names a group: its id, or its name in the field NameField.
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
