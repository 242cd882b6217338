package command

import (
	"errors"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// entryError translates an error of a mapping.
func entryError(err error) error {
	var wrong *plan.EntryError
	if !errors.As(err, &wrong) {
		return err
	}
	e := &contract.Error{Category: contract.InvalidArgument, ID: "ExpressionInvalid", Object: wrong.Attribute, Message: wrong.Problem, Advice: wrong.Advice}
	switch wrong.About {
	case plan.AboutProtected:
		e.ID = "AttributeProtected"
	case plan.AboutSchema:
		e.ID = "AttributeUnknown"
	}
	return e
}
