@{
    RootModule             = 'module/GroupWriteback.psm1'
    ModuleVersion          = '0.1.0'
    GUID                   = '5c4a1f0e-7b0d-4c55-9c1f-3a6c0b6a9d27'
    Author                 = 'The GroupWriteback contributors'
    CompanyName            = 'The GroupWriteback contributors'
    Copyright              = '(c) The GroupWriteback contributors. MIT licence.'
    Description            = 'Writes the Microsoft 365 groups of an Entra tenant to Active Directory, with members.'
    PowerShellVersion      = '5.1'
    CompatiblePSEditions   = @('Desktop', 'Core')
    DotNetFrameworkVersion = '4.7.2'
    FormatsToProcess       = @('module/Formats/GroupWriteback.Format.ps1xml')
    FunctionsToExport      = @(
        'Clear-GroupWritebackExchangeStep'
        'Connect-GroupWriteback'
        'Disable-GroupWriteback'
        'Disconnect-GroupWriteback'
        'Enable-GroupWriteback'
        'Export-GroupWritebackMapping'
        'Get-GroupWriteback'
        'Get-GroupWritebackAudit'
        'Get-GroupWritebackChange'
        'Get-GroupWritebackExchangeStep'
        'Get-GroupWritebackGroup'
        'Get-GroupWritebackGroupMember'
        'Get-GroupWritebackMapping'
        'Get-GroupWritebackPermission'
        'Get-GroupWritebackRun'
        'Grant-GroupWritebackPermission'
        'Import-GroupWritebackMapping'
        'Remove-GroupWritebackMapping'
        'Restore-GroupWritebackGroup'
        'Resume-GroupWritebackGroup'
        'Revoke-GroupWritebackPermission'
        'Set-GroupWriteback'
        'Set-GroupWritebackMapping'
        'Start-GroupWritebackSync'
        'Suspend-GroupWritebackGroup'
        'Test-GroupWriteback'
        'Test-GroupWritebackMapping'
    )
    CmdletsToExport        = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    PrivateData            = @{
        PSData = @{
            Tags         = @(
                'PSEdition_Desktop', 'PSEdition_Core', 'Windows', 'Linux', 'Entra', 'AzureAD', 'Microsoft365',
                'ActiveDirectory', 'Group', 'Writeback', 'Sync', 'Hybrid'
            )
            ReleaseNotes = 'The first version.'
        }
    }
}
