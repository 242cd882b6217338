package contract

// CheckResult is the result of checking a prerequisite.
type CheckResult string

// The results of a check.
const (
	Passed  CheckResult = "Passed"
	Failed  CheckResult = "Failed"
	Warning CheckResult = "Warning"
	Skipped CheckResult = "Skipped"
)
