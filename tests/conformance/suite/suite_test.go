// Package suite runs the conformance suite of the Gateway API on the cluster that KUBECONFIG names. Its flags are those of the
// suite (-conformance-options-file and so on), and some of its own.
package suite

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/conformance"
	confv1 "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
	"sigs.k8s.io/yaml"
)

var (
	only   = flag.String("only", "", "names or patterns (path.Match) of the tests to run, with commas between; no report is written")
	images = flag.Bool("images", false, "list the images that the suite's manifests name, and run nothing")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *images {
		for _, name := range imagesOf(conformance.Manifests) {
			fmt.Println(name)
		}
		return
	}
	os.Exit(m.Run())
}

// imagesOf finds the references to images in all manifests below a folder tree, each once.
func imagesOf(manifests fs.FS) []string {
	reference := regexp.MustCompile(`(?m)^\s*(?:- )?image:\s*"?([^\s"#]+)`)
	var found []string
	err := fs.WalkDir(manifests, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(manifests, name)
		for _, match := range reference.FindAllSubmatch(text, -1) {
			found = append(found, string(match[1]))
		}
		return err
	})
	if err != nil {
		panic(err) // they are in the program itself
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestConformance is each chosen test as a subtest. The last line before them, "plan: N tests, M not for these features",
// says how many there are to wait for, and one after each, "result: NAME passed in 1.2 s" (or failed), how it went: Go's own
// lines about subtests come when all is over.
func TestConformance(t *testing.T) {
	options := conformance.DefaultOptions(t)
	chosen := choose(t, tests.ConformanceTests, *only)
	if *only == "" {
		options.SupportedFeatures = append(options.SupportedFeatures, featuresOfClass(t, options)...)
	} else {
		// Nothing but what these tests need is set up; that for the mesh takes what is there for gateways for granted.
		options.ConformanceProfiles, options.ReportOutputPath = nil, ""
		options.SupportedFeatures = []features.FeatureName{features.SupportGateway}
		for _, test := range chosen {
			options.SupportedFeatures = append(options.SupportedFeatures, test.Features...)
		}
	}
	s, err := suite.NewConformanceTestSuite(options)
	if err != nil {
		t.Fatalf("the suite does not start: %v", err)
	}
	results := &results{failed: map[string]bool{}}
	for i := range chosen {
		results.watch(&chosen[i])
	}
	s.Hook = results.tell
	s.Setup(t, chosen)
	t.Log(plan(s, chosen))
	results.since = time.Now()
	if err := s.Run(t, chosen); err != nil {
		t.Fatal(err)
	}
	if options.ReportOutputPath != "" {
		writeReport(t, s, options.ReportOutputPath)
	}
}

// choose takes the tests that a list of names and patterns names: all, if it is empty.
//
// None runs beside others: the suite counts a parallel test as passed when it has begun (testing.T.Run returns then), so what
// fails later would be missing in the report.
func choose(t *testing.T, all []suite.ConformanceTest, list string) []suite.ConformanceTest {
	used := map[string]bool{}
	var chosen []suite.ConformanceTest
	for _, test := range all {
		matches := list == ""
		for pattern := range strings.SplitSeq(list, ",") {
			fits, err := path.Match(pattern, test.ShortName)
			if err != nil {
				t.Fatalf("-only %q: %v", pattern, err)
			}
			if fits {
				matches, used[pattern] = true, true
			}
		}
		if matches {
			test.Parallel = false
			chosen = append(chosen, test)
		}
	}
	if list == "" {
		return chosen
	}
	for pattern := range strings.SplitSeq(list, ",") {
		if !used[pattern] {
			t.Fatalf("-only %q: the suite has no such test", pattern)
		}
	}
	return chosen
}

// results knows of each test that began whether it failed, as far as it can be known before its objects are removed.
type results struct {
	failed map[string]bool
	since  time.Time
}

func (r *results) watch(test *suite.ConformanceTest) {
	run, name := test.Test, test.ShortName
	test.Test = func(t *testing.T, s *suite.ConformanceTestSuite) {
		t.Cleanup(func() { r.failed[name] = t.Failed() })
		run(t, s)
	}
}

// tell logs the result of the test that ended last. One that did not come to its beginning, for its manifests could not be
// applied, has failed.
func (r *results) tell(t *testing.T, test suite.ConformanceTest, s *suite.ConformanceTestSuite) {
	took := time.Since(r.since)
	r.since = time.Now()
	if !runs(s, test) {
		return
	}
	verdict := "passed"
	if failed, began := r.failed[test.ShortName]; failed || !began {
		verdict = "failed"
	}
	t.Logf("result: %s %s in %.1f s", test.ShortName, verdict, took.Seconds())
}

func runs(s *suite.ConformanceTestSuite, test suite.ConformanceTest) bool {
	return s.SupportedFeatures.HasAll(test.Features...) && !s.SkipTests.Has(test.ShortName)
}

// featuresOfClass are those that the GatewayClass's status names. A class is of gateways: as the suite does, this leaves
// features of the mesh out, which are in the options.
func featuresOfClass(t *testing.T, options suite.ConformanceOptions) []features.FeatureName {
	class := &gatewayv1.GatewayClass{}
	name := types.NamespacedName{Name: options.GatewayClassName}
	if err := options.Client.Get(context.Background(), name, class); err != nil {
		t.Fatalf("GatewayClass %s: %v", options.GatewayClassName, err)
	}
	if len(class.Status.SupportedFeatures) == 0 {
		t.Fatalf("GatewayClass %s: status.supportedFeatures is empty, so it cannot be told which tests to run", class.Name)
	}
	found := make([]features.FeatureName, 0, len(class.Status.SupportedFeatures))
	mesh := features.SetsToNamesSet(features.MeshCoreFeatures, features.MeshExtendedFeatures)
	for _, feature := range class.Status.SupportedFeatures {
		if name := features.FeatureName(feature.Name); !mesh.Has(name) {
			found = append(found, name)
		}
	}
	return found
}

func plan(s *suite.ConformanceTestSuite, chosen []suite.ConformanceTest) string {
	running := 0
	for _, test := range chosen {
		if runs(s, test) {
			running++
		}
	}
	return fmt.Sprintf("plan: %d tests, %d not for these features", running, len(chosen)-running)
}

// writeReport writes what the suite reports, with profiles in the order of their names: two runs with the same results differ in
// the date alone.
func writeReport(t *testing.T, s *suite.ConformanceTestSuite, file string) {
	report, err := s.Report()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(report.ProfileReports, func(a, b confv1.ProfileReport) int { return strings.Compare(a.Name, b.Name) })
	text, err := yaml.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
