package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hashicorp/go-azure-sdk/sdk/client"
	"github.com/hashicorp/go-azure-sdk/sdk/client/msgraph"
	"github.com/hashicorp/go-azure-sdk/sdk/odata"
)

// object is any entity of Graph.
type object = map[string]any

// graph asks Graph by HashiCorp's client, as the Terraform provider does.
type graph struct {
	ctx    context.Context
	client *msgraph.Client
}

// query is what HashiCorp's client puts into the URL and the headers.
type query struct{ odata odata.Query }

func (q query) ToHeaders() *client.Headers   { return nil }
func (q query) ToOData() *odata.Query        { return &q.odata }
func (q query) ToQuery() *client.QueryParams { return nil }

func (g graph) send(method, path string, body any, with odata.Query, expected ...int) (*client.Response, error) {
	options := client.RequestOptions{
		ContentType:         "application/json; charset=utf-8",
		ExpectedStatusCodes: expected,
		HttpMethod:          method,
		OptionsObject:       query{with},
		Path:                path,
	}
	if method == http.MethodGet {
		options.Pager = &pager{}
	}
	request, err := g.client.NewRequest(g.ctx, options)
	if err != nil {
		return nil, err
	}
	if body != nil {
		if err := request.Marshal(body); err != nil {
			return nil, err
		}
	}
	if method == http.MethodGet && with.Top > 0 {
		return request.ExecutePaged(g.ctx)
	}
	return request.Execute(g.ctx)
}

// pager finds the next page as Graph names it.
type pager struct {
	NextLink *odata.Link `json:"@odata.nextLink"`
}

func (p *pager) NextPageLink() *odata.Link {
	defer func() { p.NextLink = nil }()
	return p.NextLink
}

func (g graph) one(method, path string, body any, expected ...int) (object, error) {
	response, err := g.send(method, path, body, odata.Query{}, expected...)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	found := object{}
	return found, response.Unmarshal(&found)
}

func (g graph) get(path string) (object, error) { return g.one(http.MethodGet, path, nil, 200) }

func (g graph) post(path string, body any) (object, error) {
	return g.one(http.MethodPost, path, body, 200, 201)
}

func (g graph) do(method, path string, body any, expected ...int) error {
	_, err := g.send(method, path, body, odata.Query{}, expected...)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// list answers the entities of all pages.
func (g graph) list(path string, with odata.Query) ([]object, error) {
	response, err := g.send(http.MethodGet, path, nil, with, 200)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	var page struct {
		Value json.RawMessage `json:"value"`
	}
	if err := response.Unmarshal(&page); err != nil {
		return nil, err
	}
	var found []object
	return found, json.Unmarshal(page.Value, &found)
}

// refused expects a status and answers nothing else.
func (g graph) refused(method, path string, body any, status int) error {
	response, err := g.send(method, path, body, odata.Query{}, 200, 201, 204)
	if err == nil {
		return fmt.Errorf("%s %s was answered with %d", method, path, response.StatusCode)
	}
	if response == nil || response.Response == nil || response.StatusCode != status {
		return fmt.Errorf("%s %s: not %d: %w", method, path, status, err)
	}
	return nil
}

func ids(all []object) map[any]bool {
	found := map[any]bool{}
	for _, one := range all {
		found[one["id"]] = true
	}
	return found
}
