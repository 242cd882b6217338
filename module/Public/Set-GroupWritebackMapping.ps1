function Set-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Sets what an attribute of the written groups is made of.
    .DESCRIPTION
        Gives an attribute an expression in the language of Microsoft Entra
        provisioning: one of the release's attributes another one, or one more
        attribute. docs/mapping.md describes the language. Everything is checked
        before it is saved: names, number and kind of the arguments with their
        place, the properties, and the attribute against the schema of the
        directory, which has to be connected. The next sync is Initial.

        Attributes that say whose a group is, who is in it or what it may do
        cannot be set, nor can those that make it a mail recipient.

        With -WhatIf nothing is saved; what the next sync would do comes out as
        objects, if both connections are there. Test-GroupWritebackMapping shows
        what an expression makes of one group.
    .PARAMETER Attribute
        The LDAP name of the attribute, such as info or extensionAttribute1.
    .PARAMETER Expression
        What its value is, such as '[mailNickname]' or
        'Left(Trim([description]), 448)'. '""' clears the attribute.
    .PARAMETER Apply
        Always, the default: the attribute is kept so. OnlyAtCreation: it is
        written with a new group and then left to others. Guid, Now and
        RandomString are only for that.
    .PARAMETER DefaultValue
        The value where the expression is absent (null); an empty text is not
        absent.
    .PARAMETER PassThru
        Return the mapping of the attribute afterwards.
    .EXAMPLE
        Set-GroupWritebackMapping info '[mailNickname]' -WhatIf

        Shows what the next sync would write, and saves nothing.
    .EXAMPLE
        Set-GroupWritebackMapping -Attribute description `
            -Expression 'Join(" - ", [classification], [description])'

        Puts the classification before the description.
    .EXAMPLE
        Set-GroupWritebackMapping info -Apply OnlyAtCreation `
            -Expression 'Append("Written back on ", Now())'

        A note that administrators may change later.
    .EXAMPLE
        Import-Csv mapping.csv | Set-GroupWritebackMapping

        Sets several at once, from columns that are called as the parameters.
    .INPUTS
        GroupWriteback.Mapping
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change, with -PassThru
        GroupWriteback.Mapping.
    .LINK
        Test-GroupWritebackMapping
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.Change', 'GroupWriteback.Mapping')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingAttributeCompleter])]
        [string] $Attribute,

        [Parameter(Mandatory, Position = 1, ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingExpressionCompleter])]
        [string] $Expression,

        [Parameter(ValueFromPipelineByPropertyName)]
        [ValidateSet('Always', 'OnlyAtCreation')]
        [string] $Apply = 'Always',

        [Parameter(ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $DefaultValue,

        [switch] $PassThru
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $entries = New-Object -TypeName System.Collections.Generic.List[object]
    }
    process {
        $entry = @{
            Attribute    = $Attribute
            Expression   = $Expression
            Apply        = $Apply
            DefaultValue = $DefaultValue
        }
        $entries.Add((ConvertTo-MappingEntry @entry))
    }
    end {
        if (-not $entries.Count) { return }
        $texts = foreach ($entry in $entries) { "$($entry.attribute) = $($entry.expression)" }
        if ($texts.Count -gt 3) { $texts = ConvertTo-CountText -Count $entries.Count -Noun 'attribute' }
        $change = @{
            Cmdlet  = $PSCmdlet
            Mapping = @{ set = $entries.ToArray() }
            Text    = "Set the mapping of $($texts -join ', ')"
        }
        Invoke-MappingChange @change
        if ($PassThru -and -not $WhatIfPreference) {
            $names = @(foreach ($entry in $entries) { $entry.attribute })
            Get-MappingRow -Cmdlet $PSCmdlet | Where-Object -FilterScript { $_.Attribute -in $names }
        }
    }
}
