using System.Globalization;
using Weft;
using Weft.Benchmarks.Gpu;
using Weft.OpenCl;

// weft-gpu [--quick] [device] [sizes] [batches]: checks and times structured maps, forward and backward, on an OpenCL device.
// What is quick takes a minute on a processor: the smallest size, small batches, and each time once.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
bool quick = args.Contains("--quick");
args = [.. args.Where(argument => argument != "--quick")];
int[] Numbers(int position, params int[] otherwise) => args.Length > position ? [.. args[position].Split(',').Select(int.Parse)] : otherwise;
int[] sizes = Numbers(1, quick ? [1024] : [1024, 2048, 4096, 8192, 16384]), batches = Numbers(2, quick ? [1, 64] : [1, 8, 64, 512, 1024, 8192]);
if (quick)
{
    Roofline.Times = 1;
}

try
{
    OpenClDevice device = OpenClDevice.Find(args.Length > 0 ? args[0] : "");
    using var context = new OpenClContext(device);
    using var roofline = new Roofline(context);
    using CuBlas? blas = CuBlas.TryLoad();
    Console.WriteLine($"{device}: {roofline.FlopsPerSecond / 1e12:F2} TFLOP/s, {roofline.BytesPerSecond / 1e9:F0} GB/s measured.");
    Console.WriteLine(blas is null ? "cuBLAS is not here: nothing to compare with." : "dense: cuBLAS, the full matrix.");
    Console.WriteLine($"{"structure",-18} {"n",6} {"batch",6}  {"forward",10} {"of peak",8} {"of bandwidth",12}  {"gradient",10} {"of peak",8} {"dense",10}  error");
    foreach (int size in sizes)
    {
        foreach (Subject subject in Subject.All.Where(subject => subject.Size == size))
        {
            using LinearMap<float> map = subject.New();
            map.Initialize(seed: 1);
            using var run = new Run(map, context);
            double error = run.Error();
            foreach (int batch in batches)
            {
                (double forward, double gradient) = run.Time(batch);
                double bytes = sizeof(float) * ((double)map.ParameterCount + ((double)batch * (map.Inputs + map.Outputs)));
                double flops = (double)batch * map.Description.ForwardFlops, both = flops + ((double)batch * map.Description.BackwardFlops);
                string dense = blas is null ? "" : $"{blas.Dense(size, batch) * 1e6:F1} µs";
                Console.WriteLine(
                    $"{subject.Name,-18} {size,6} {batch,6}  {forward * 1e6,7:F1} µs {flops / forward / roofline.FlopsPerSecond,8:P1} {bytes / forward / roofline.BytesPerSecond,12:P1}"
                    + $"  {gradient * 1e6,7:F1} µs {both / gradient / roofline.FlopsPerSecond,8:P1} {dense,10}  {error:0.0E-0}");
            }
        }
    }

    return 0;
}
catch (OpenClException exception)
{
    Console.Error.WriteLine($"weft-gpu: {exception.Message}");
    return 1;
}
